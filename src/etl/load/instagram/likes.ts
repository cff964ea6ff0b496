import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { LikeRow } from '../../transform/instagram/people.ts'
import { unlessMet } from '../replayed.ts'
import { postKey, source } from './match.ts'

/** Who likes a post; one that is met again is not gone. */
export async function loadLikes(
  trx: Transaction<DB>,
  rows: readonly Loaded<LikeRow>[],
): Promise<void> {
  await sql`
    with incoming as materialized (
      select * from jsonb_to_recordset(${toJsonb(rows)}::jsonb)
        as r (post_id text, post_shortcode text, user_external_id text, username text, full_name text, fetched_at timestamptz,
          service_call_id uuid)
    ), posts as materialized (
      select post_id, ${postKey(sql`r.post_id`, sql`r.post_shortcode`)} as id
      from (select distinct post_id, post_shortcode from incoming) r
    )
    insert into public.likes as l (source, post_external_id, user_external_id, username, full_name, first_seen_at, service_call_id)
    select ${source}, p.id, i.user_external_id, i.username, i.full_name, coalesce(i.fetched_at, clock_timestamp()), i.service_call_id
    from incoming i join posts p using (post_id)
    order by p.id, i.user_external_id
    on conflict (source, post_external_id, user_external_id) do update set
      username = coalesce(excluded.username, l.username), full_name = coalesce(excluded.full_name, l.full_name),
      gone_at = ${unlessMet(rows, 'l.gone_at')}, service_call_id = excluded.service_call_id
    where (l.username, l.full_name, l.gone_at) is distinct from
      (coalesce(excluded.username, l.username), coalesce(excluded.full_name, l.full_name), ${unlessMet(rows, 'l.gone_at')})`.execute(
    trx,
  )
}
