import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { PostInsightsRow, ProfileInsightsRow } from '../../transform/instagram/insights.ts'
import { dayOf } from './dated.ts'
import { postKey, source } from './match.ts'

/** Insights of posts, beside the day's figures. What is not told again (A4: missing data is an empty list) stays as it is known. */
export async function loadPostInsights(
  trx: Transaction<DB>,
  rows: readonly Loaded<PostInsightsRow>[],
): Promise<void> {
  await sql`
    insert into public.post_metrics as m (source, post_external_id, day, like_count, comment_count, play_count, view_count,
      insights, service_call_id)
    select distinct on (k.id) ${source}, k.id, k.day, p.like_count, p.comment_count, p.play_count, p.view_count,
      coalesce(last.insights, '{}') || k.insights, k.service_call_id
    from (
      select ${postKey(sql`r.post_id`, sql`r.post_shortcode`)} as id, r.insights, r.service_call_id, ${dayOf(sql`r.fetched_at`)} as day
      from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (post_id text, post_shortcode text, insights jsonb, service_call_id uuid,
        fetched_at text) offset 0
    ) k
    left join lateral (
      select * from public.posts p where p.source = ${source} and p.external_id = k.id limit 1
    ) p on true
    left join lateral (
      select insights from public.post_metrics m where m.source = ${source} and m.post_external_id = k.id and m.day <= k.day
      order by m.day desc limit 1
    ) last on true
    where k.insights <> '{}' and not coalesce(last.insights @> k.insights, false)
    order by k.id
    on conflict (source, post_external_id, day) do update set
      insights = excluded.insights, service_call_id = excluded.service_call_id`.execute(trx)
}

/** Insights of one's own accounts, likewise. */
export async function loadProfileInsights(
  trx: Transaction<DB>,
  rows: readonly Loaded<ProfileInsightsRow>[],
): Promise<void> {
  await sql`
    insert into public.profile_metrics as m (source, profile_external_id, day, follower_count, following_count, media_count,
      insights, service_call_id)
    select distinct on (k.id) ${source}, k.id, k.day, k.follower_count, k.following_count, k.media_count,
      coalesce(last.insights, '{}') || k.insights, k.service_call_id
    from (
      select coalesce(p.external_id, r.graph_id) as id, r.insights, p.follower_count, p.following_count, p.media_count,
        r.service_call_id, ${dayOf(sql`r.fetched_at`)} as day
      from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (graph_id text, insights jsonb, service_call_id uuid,
        fetched_at text)
      left join lateral (
        select * from public.profiles p where p.source = ${source} and p.graph_id = r.graph_id limit 1
      ) p on true offset 0
    ) k
    left join lateral (
      select insights from public.profile_metrics m
      where m.source = ${source} and m.profile_external_id = k.id and m.day <= k.day
      order by m.day desc limit 1
    ) last on true
    where k.insights <> '{}' and not coalesce(last.insights @> k.insights, false)
    order by k.id
    on conflict (source, profile_external_id, day) do update set
      insights = excluded.insights, service_call_id = excluded.service_call_id`.execute(trx)
}
