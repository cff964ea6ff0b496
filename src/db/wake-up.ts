import { sql, type Transaction } from 'kysely'
import type { DB } from './schema.generated.ts'
import type { Db } from './connect.ts'

/** The one task of the queue: opens a tick or takes up a job call. */
export const taskName = 'run-job-call'

export type WakeUp = { jobCallId: string } | { job: string; scheduledFor: string }

/**
 * Queue rows that wake a worker. They only wake: the lease decides who runs, so one too many does no harm,
 * and one that got lost is added again by the sweeper. The key keeps at most one per call waiting.
 */
export async function addWakeUps(
  db: Db | Transaction<DB>,
  wakeUps: readonly WakeUp[],
  runAt?: Date,
): Promise<void> {
  if (wakeUps.length === 0) return
  const rows = wakeUps.map((payload) => ({ payload, key: wakeUpKey(payload) }))
  await sql`
    select graphile_worker.add_job(${taskName}, payload := w.payload, job_key := w.key, run_at := ${runAt ?? null})
    from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as w (payload json, key text)`.execute(
    db,
  )
}

export function wakeUpKey(wakeUp: WakeUp): string {
  return 'jobCallId' in wakeUp
    ? `call:${wakeUp.jobCallId}`
    : `tick:${wakeUp.job}:${wakeUp.scheduledFor}`
}
