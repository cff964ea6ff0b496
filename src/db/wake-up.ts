import { sql, type Transaction } from 'kysely'
import type { DB } from './schema.generated.ts'
import type { Db } from './connect.ts'

/** The one task of the queue: opens a tick or takes up a job call. */
export const taskName = 'run-job-call'

export type WakeUp = { jobCallId: string } | { job: string; scheduledFor: string }

/**
 * Queue rows that wake a worker. They only wake: the lease decides who runs, so one too many does no harm,
 * and one that got lost is added again by the sweeper. The key keeps at most one per call waiting. Calls that other calls made
 * come last: a small job does not wait behind the thousands of children of a large one.
 */
export async function addWakeUps(
  db: Db | Transaction<DB>,
  wakeUps: readonly WakeUp[],
  runAt?: Date,
): Promise<void> {
  if (wakeUps.length === 0) return
  const rows = wakeUps.map((payload) => ({ payload, key: wakeUpKey(payload) }))
  await sql`
    select graphile_worker.add_job(${taskName}, payload := w.payload, job_key := w.key, run_at := ${runAt ?? null},
      priority := case when exists (
        select from ledger.job_calls c where c.id = (w.payload ->> 'jobCallId')::uuid and c.parent_id is not null) then 1 else 0 end)
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as w (payload json, key text)`.execute(
    db,
  )
}

/**
 * Removes queue rows that nobody works off any more, which graphile-worker keeps for ever: those that failed too often, and
 * those of dead workers in whose place another wake-up was added. What they were for is in the ledger.
 */
export async function clearSpentWakeUps(db: Db | Transaction<DB>): Promise<void> {
  await sql`
    select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
    where task_identifier = ${taskName} and attempts >= max_attempts and locked_at is null
    having count(*) > 0`.execute(db)
}

export function wakeUpKey(wakeUp: WakeUp): string {
  return 'jobCallId' in wakeUp
    ? `call:${wakeUp.jobCallId}`
    : `tick:${wakeUp.job}:${wakeUp.scheduledFor}`
}
