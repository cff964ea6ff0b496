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
      (extract(epoch from s.late_after) * 1000)::float8 as "lateAfterMs", c.finished_at as "lastSuccessAt"
    from ledger.schedules s
    left join lateral (
      select finished_at from ledger.job_calls
      where job = s.job and parent_id is null and status = 'succeeded' and (subject = '' or trigger = 'cron')
      order by id desc limit 1
    ) c on true
    where s.job = any(${jobs}::text[])`.execute(db)
  return rows
}
