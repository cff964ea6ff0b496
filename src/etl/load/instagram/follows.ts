import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { FollowRow } from '../../transform/instagram/people.ts'
import { unlessMet } from '../replayed.ts'
import { source } from './match.ts'

/** Who follows whom, from either's list; what is met again is not gone. */
export async function loadFollows(
  trx: Transaction<DB>,
  rows: readonly Loaded<FollowRow>[],
): Promise<void> {
  await sql`
    insert into public.follows as f (source, follower_external_id, followee_external_id, follower_username, followee_username,
      first_seen_at, service_call_id)
    select distinct on (follower_external_id, followee_external_id) ${source}, follower_external_id, followee_external_id,
      follower_username, followee_username, coalesce(fetched_at, clock_timestamp()), service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (follower_external_id text, followee_external_id text,
      follower_username text, followee_username text, fetched_at timestamptz, service_call_id uuid)
    order by follower_external_id, followee_external_id
    on conflict (source, follower_external_id, followee_external_id) do update set
      follower_username = coalesce(excluded.follower_username, f.follower_username),
      followee_username = coalesce(excluded.followee_username, f.followee_username),
      gone_at = ${unlessMet(rows, 'f.gone_at')}, service_call_id = excluded.service_call_id
    where (f.follower_username, f.followee_username, f.gone_at) is distinct from (
      coalesce(excluded.follower_username, f.follower_username),
      coalesce(excluded.followee_username, f.followee_username), ${unlessMet(rows, 'f.gone_at')})`.execute(
    trx,
  )
}
