import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { getJobCall, type JobCall } from '../db/job-calls.ts'
import { takeUp } from '../db/leases.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { findJob } from './catalog.ts'
import { type Executor, execute } from './execute.ts'
import { defaultCursorMaxAgeMs, type Job } from './job.ts'

export interface RunTreeOptions {
  executor: Executor
  jobs: readonly Job[]
  worker: string
  leaseSeconds: number
  /** Calls of the tree that run side by side here. */
  concurrency: number
  /** No further call is taken up once it fires. */
  stopping: AbortSignal
}

/**
 * Runs a job call and all under it to its end, in this process: takes calls of its own tree from the ledger, never a
 * stranger's. Workers that run anyway may help; it waits for theirs. Answers the root as it ended, or as it stands where
 * it was stopped or parked.
 */
export async function runTree(id: string, options: RunTreeOptions): Promise<JobCall> {
  const { executor, stopping } = options
  const { db, log } = executor
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  for (;;) {
    const root = await untilDatabaseAnswers(() => readCall(db, id), log)
    if (failure && running.size === 0) throw failure.error
    const over = failure || root.finished_at !== null || stopping.aborted || isParked(root)
    if (over && running.size === 0) return root
    const free = over ? 0 : options.concurrency - running.size
    for (const callId of await untilDatabaseAnswers(
      () => listDue(db, root.root_id, id, free),
      log,
    )) {
      const work = runOne(callId, options)
        .catch((error: unknown) => {
          failure ??= { error }
        })
        .finally(() => running.delete(work))
      running.add(work)
    }
    await Promise.race([...running, setTimeout(running.size > 0 ? 1000 : 200)])
  }
}

async function readCall(db: Db, id: string): Promise<JobCall> {
  const call = await getJobCall(db, id)
  if (!call) throw new Error(`job call ${id} is gone`)
  return call
}

/** Waiting for a time, not for children: nobody here waits for that. */
const isParked = (call: JobCall) => call.status === 'waiting' && call.next_attempt_at !== null

async function listDue(db: Db, rootId: string, id: string, limit: number): Promise<string[]> {
  if (limit <= 0) return []
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls c
    where root_id = ${rootId} and finished_at is null and id >= ${id} and cancel_requested_at is null
      and (status = 'queued' and coalesce(next_attempt_at, '-infinity') <= clock_timestamp()
        or status = 'running' and lease_expires_at < clock_timestamp())
    order by id limit ${limit}`.execute(db)
  return rows.map((row) => row.id)
}

async function runOne(
  id: string,
  { executor, jobs, worker, leaseSeconds }: RunTreeOptions,
): Promise<void> {
  const call = await readCall(executor.db, id)
  const job = findJob(jobs, call.job)
  const cursorMaxAgeMs = job.cursorMaxAgeMs ?? defaultCursorMaxAgeMs
  const lease = await takeUp(executor.db, id, { worker, leaseSeconds, cursorMaxAgeMs })
  if (lease) await execute(executor, job, lease)
}
