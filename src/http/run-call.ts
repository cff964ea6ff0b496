import PQueue from 'p-queue'
import { getJobCall, type JobCall } from '../db/job-calls.ts'
import { takeUp } from '../db/leases.ts'
import { execute } from '../jobs/execute.ts'
import type { Job } from '../jobs/job.ts'
import { createLeaseKeeper } from '../jobs/lease-keeper.ts'
import type { Door } from './app.ts'
import { createPatience } from './patience.ts'
import { ProblemError } from './problem.ts'

/** Calls that run here side by side: each takes a connection of the pool most of the time. */
const sideBySide = 12

/** What a request is to run, or the answer that it has already. */
export type Opening<T> = { run: string } | { other: T }

export interface Runner {
  /**
   * Runs a job call of a request, here and now, and answers how it stands when it is over. `open` makes it when its turn
   * has come.
   * @throws ProblemError 503 where its turn did not come, or its end can't be told in time; what `open` throws
   */
  run<T>(job: Job, open: () => Promise<Opening<T>>): Promise<JobCall | { other: T }>
  /** Waits for what runs. */
  close(): Promise<void>
}

/** Runs job calls whose requests wait for them: one attempt each, through the ledger like any other. */
export function createRunner({ db, http, files, settings, log, worker }: Door): Runner {
  const leaseSeconds = settings.LEASE_SECONDS
  const leases = createLeaseKeeper({ db, log, leaseSeconds })
  const lanes = new PQueue({ concurrency: sideBySide })
  const patience = createPatience()
  const running = new Set<Promise<unknown>>()

  async function runOne(job: Job, id: string, storageEnd: AbortSignal): Promise<JobCall> {
    const lease = await takeUp(db, id, { worker, leaseSeconds })
    if (lease) {
      const tools = { db, http, files: files?.until(storageEnd), settings, log }
      await execute({ ...tools, leases, oneAttempt: true }, job, lease)
    }
    const call = await getJobCall(db, id)
    if (!call) throw new Error(`job call ${id} is gone`)
    patience.ended(call.status === 'succeeded')
    return call
  }

  return {
    async run(job, open) {
      let id: string | undefined
      const turn = patience.waitForTurn(() => id)
      const work = lanes.add(async () => {
        // Its client may have been told that its turn did not come: then nothing may happen any more.
        const { storageEnd } = turn.take()
        const opened = await open()
        if (!('run' in opened)) return opened
        id = opened.run
        return await runOne(job, id, storageEnd)
      })
      running.add(work)
      const over = work.finally(() => {
        running.delete(work)
        turn.end()
      })
      over.catch((error: unknown) => {
        if (!(error instanceof ProblemError))
          log.warn({ jobCall: id, reason: String(error) }, 'a job call of a request ended badly')
      })
      return await Promise.race([over, turn.tooLate])
    },
    async close() {
      await Promise.allSettled(running)
      await leases.close()
    },
  }
}
