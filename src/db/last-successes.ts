import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

/** When a scheduled job last succeeded, and what its schedule says; what is null there, the settings and the job say. */
export interface LastSuccess {
  job: string
  /** By the database's clock. */
  now: Date
  paused: boolean
  expression: string | null
  timezone: string | null
  countedSince: Date
  lateAfterMs: number | null
  /** Of a call that a tick made, or one of the whole (subject ''). */
  lastSuccessAt: Date | null
}

/** Jobs that no scheduler has met yet are left out. */
export async function listLastSuccesses(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<LastSuccess[]> {
  const { rows } = await sql<LastSuccess>`
    select s.job, clock_timestamp() as now, s.paused, s.expression, s.timezone, s.counted_since as "countedSince",
      (extract(epoch from s.late_after) * 1000)::float8 as "lateAfterMs", greatest(whole.at, ticked.at) as "lastSuccessAt"
    from ledger.schedules s
    left join lateral (
      select finished_at as at from ledger.job_calls
      where job = s.job and subject = '' and parent_id is null and status = 'succeeded' order by id desc limit 1
    ) whole on true
    left join lateral (
      select c.finished_at as at from ledger.ticks t join ledger.job_calls c on c.id = t.job_call_id
      where t.job = s.job and c.status = 'succeeded' order by t.scheduled_for desc limit 1
    ) ticked on true
    where s.job = any(${jobs}::text[])`.execute(db)
  return rows
}
