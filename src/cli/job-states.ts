import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'

export interface JobState {
  job: string
  /** Whether a scheduler has met it: it is then in `ledger.freshness` too. */
  scheduled: boolean
  /** Null: the default from the settings. */
  expression: string | null
  paused: boolean
  lastTick: Date | null
  live: number
  lastStatus: string | null
  lastFinishedAt: Date | null
  lastSuccessAt: Date | null
  /** Seconds since the last success. */
  age: number | null
  watermark: Date | null
  /** Why its schedule can't be read. */
  error: string | null
}

/** How fresh each job is, also those that no scheduler has met and that so far ran only by hand. */
export async function listJobStates(db: Db, names: readonly string[]): Promise<JobState[]> {
  const { rows } = await sql<JobState>`
    select j.job, s.job is not null as scheduled, s.expression, coalesce(s.paused, false) as paused,
      s.last_tick as "lastTick", s.error, coalesce(live.count, 0) as live,
      last.status as "lastStatus", last.finished_at as "lastFinishedAt",
      success.at as "lastSuccessAt", extract(epoch from clock_timestamp() - success.at)::float8 as age, w.watermark
    from (select unnest(${names}::text[]) as job union select job from ledger.schedules) j
    left join ledger.schedules s on s.job = j.job
    left join lateral (
      select status, finished_at from ledger.job_calls
      where job = j.job and parent_id is null and finished_at is not null order by id desc limit 1
    ) last on true
    left join lateral (
      select max(finished_at) as at from ledger.job_calls
      where job = j.job and parent_id is null and status = 'succeeded'
    ) success on true
    left join lateral (
      select count(*) from ledger.job_calls where job = j.job and parent_id is null and finished_at is null
    ) live on true
    left join lateral (select min(value) as watermark from ledger.watermarks where job = j.job) w on true
    order by j.job`.execute(db)
  return rows
}
