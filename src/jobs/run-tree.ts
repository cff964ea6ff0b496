import { setTimeout } from 'node:timers/promises'
import { isDatabaseAway } from '../db/lost-connection.ts'
import type { Db } from '../db/connect.ts'
import { getJobCall, type JobCall } from '../db/job-calls.ts'
import { takeUp } from '../db/leases.ts'
import { lookAtTree } from '../db/tree.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { findJob } from './catalog.ts'
import { type Executor, execute } from './execute.ts'
import { adoptionOf, type Job } from './job.ts'

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
 * stranger's. Workers that run anyway may help; it waits for theirs. Answers the call as it ended, or as it stands where
 * it was stopped, or where all that is left of it is parked.
 */
export async function runTree(id: string, options: RunTreeOptions): Promise<JobCall> {
  const { executor, stopping } = options
  const { db, log } = executor
  const running = new Set<Promise<void>>()
  let failure: { error: unknown } | undefined
  for (;;) {
    const root = await untilDatabaseAnswers(() => readCall(db, id), log)
    if (failure && running.size === 0) throw failure.error
    const over = failure !== undefined || root.finished_at !== null || stopping.aborted
    if (over && running.size === 0) return root
    const free = over ? 0 : options.concurrency - running.size
    if (free > 0) {
      const tree = await untilDatabaseAnswers(() => lookAtTree(db, root, free), log)
      if (tree.allParked && running.size === 0) return await readCall(db, id)
      for (const callId of tree.due) {
        const work = runOne(callId, options)
          .catch((error: unknown) => {
            // The call is in the ledger: it is due again, or rescued, when the database is back.
            if (isDatabaseAway(error)) log.warn({ reason: String(error) }, 'the database is away')
            else failure ??= { error }
          })
          .finally(() => running.delete(work))
        running.add(work)
      }
    }
    await Promise.race([...running, setTimeout(running.size > 0 ? 1000 : 200)])
  }
}

async function readCall(db: Db, id: string): Promise<JobCall> {
  const call = await getJobCall(db, id)
  if (!call) throw new Error(`job call ${id} is gone`)
  return call
}

async function runOne(
  id: string,
  { executor, jobs, worker, leaseSeconds }: RunTreeOptions,
): Promise<void> {
  const call = await readCall(executor.db, id)
  const job = findJob(jobs, call.job)
  const lease = await takeUp(executor.db, id, { worker, leaseSeconds, adoption: adoptionOf(job) })
  if (lease) await execute(executor, job, lease)
}
