import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'

/** Those that are due; what a call has handed out already, where it was killed right after. */
export async function namesToRead(db: Db, callId: string): Promise<string[]> {
  const { rows } = await sql<{ username: string }>`
    select n.username from ledger.job_calls b, jsonb_array_elements_text(b.params -> 'usernames') with ordinality as n (username, place)
    where b.parent_id = ${callId} order by b.id, n.place`.execute(db)
  if (rows.length > 0) return rows.map(({ username }) => username)
  return await dueProfiles(db)
}

/** One that was not found may have been away for a while, or the address of the API may have been wrong. */
const goneAgain = sql`interval '7 days'`

/** Names of the profiles that are to be read by now: never read, or longer ago than they are to be; of those gone, who was asked for a week ago. */
export async function dueProfiles(db: Db): Promise<string[]> {
  const { rows } = await sql<{ username: string }>`
    select t.username from public.tracked_profiles t
    left join ledger.subject_reads r on r.service = 'instagram' and r.operation = 'profile.synced' and r.subject = lower(t.username)
    left join ledger.subject_reads g on g.service = 'instagram' and g.operation = 'profile.gone' and g.subject = lower(t.username)
    where t.source = 'instagram' and not t.paused
      and (r.read_at is null or r.read_at < clock_timestamp() - t.sync_every)
      and (t.gone_at is null or greatest(t.gone_at, g.read_at) < clock_timestamp() - ${goneAgain})
    order by r.read_at nulls first, t.username`.execute(db)
  return rows.map(({ username }) => username.toLowerCase())
}
