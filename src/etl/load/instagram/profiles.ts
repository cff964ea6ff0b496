import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { ProfileRow } from '../../transform/instagram/profile.ts'
import { unlessMet } from '../replayed.ts'
import { dayOf } from './dated.ts'
import { byRoute, source, storedProfile } from './match.ts'

/**
 * Profiles, and a row of metrics where a figure changed. What a row leaves out keeps what is known: the stored row is the base
 * that jsonb_populate_record fills in. One that is met again is not gone.
 */
export async function loadProfiles(
  trx: Transaction<DB>,
  rows: readonly Loaded<ProfileRow>[],
): Promise<void> {
  for (const some of byRoute(rows)) await loadOfRoute(trx, some)
}

async function loadOfRoute(
  trx: Transaction<DB>,
  rows: readonly Loaded<ProfileRow>[],
): Promise<void> {
  const stored = storedProfile({
    id: sql`r.told ->> 'external_id'`,
    graphId: sql`r.told ->> 'graph_id'`,
    username: sql`r.told ->> 'username'`,
  })
  await sql`
    with incoming as materialized (
      select distinct on (id) coalesce(s.external_id, r.told ->> 'external_id') as id, r.told, s.stored
      from jsonb_array_elements(${toJsonb(rows)}::jsonb) as r (told)
      left join lateral ${stored} s on true
      order by id
    ), merged as materialized (
      select i.id, ${dayOf(sql`i.told ->> 'fetched_at'`)} as day, n.* from incoming i cross join lateral jsonb_populate_record(i.stored, i.told) n
    ), metrics as (
      insert into public.profile_metrics as m (source, profile_external_id, day, follower_count, following_count, media_count,
        insights, service_call_id)
      select ${source}, n.id, n.day, n.follower_count, n.following_count, n.media_count, last.insights, n.service_call_id
      from merged n
      left join lateral (
        select * from public.profile_metrics m where m.source = ${source} and m.profile_external_id = n.id and m.day <= n.day
        order by m.day desc limit 1
      ) last on true
      where (last.follower_count, last.following_count, last.media_count)
        is distinct from (n.follower_count, n.following_count, n.media_count)
      on conflict (source, profile_external_id, day) do update set
        follower_count = excluded.follower_count, following_count = excluded.following_count,
        media_count = excluded.media_count, service_call_id = excluded.service_call_id
    )
    insert into public.profiles as p (source, external_id, username, full_name, bio, bio_mentions, bio_hashtags, external_url,
      category, is_private, is_verified, is_business, picture_url, follower_count, following_count, media_count, pk,
      graph_id, service_call_id)
    select ${source}, id, username, full_name, bio, coalesce(bio_mentions, '{}'), coalesce(bio_hashtags, '{}'), external_url,
      category, is_private, is_verified, is_business, picture_url, follower_count, following_count, media_count, pk,
      graph_id, service_call_id
    from merged order by id
    on conflict (source, external_id) do update set
      username = excluded.username, full_name = excluded.full_name, bio = excluded.bio,
      bio_mentions = excluded.bio_mentions, bio_hashtags = excluded.bio_hashtags, external_url = excluded.external_url,
      category = excluded.category, is_private = excluded.is_private, is_verified = excluded.is_verified,
      is_business = excluded.is_business, picture_url = excluded.picture_url, follower_count = excluded.follower_count,
      following_count = excluded.following_count, media_count = excluded.media_count, pk = excluded.pk, graph_id = excluded.graph_id,
      gone_at = ${unlessMet(rows, 'p.gone_at')}, service_call_id = excluded.service_call_id
    where (p.username, p.full_name, p.bio, p.bio_mentions, p.bio_hashtags, p.external_url, p.category, p.is_private, p.is_verified,
        p.is_business, public.media_path(p.picture_url), p.follower_count, p.following_count, p.media_count, p.pk, p.graph_id, p.gone_at)
      is distinct from (excluded.username, excluded.full_name, excluded.bio, excluded.bio_mentions, excluded.bio_hashtags,
        excluded.external_url, excluded.category, excluded.is_private, excluded.is_verified, excluded.is_business,
        public.media_path(excluded.picture_url), excluded.follower_count, excluded.following_count, excluded.media_count,
        excluded.pk, excluded.graph_id, ${unlessMet(rows, 'p.gone_at')})`.execute(trx)
}
