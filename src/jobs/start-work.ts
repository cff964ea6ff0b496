import { hostname } from 'node:os'
import type pg from 'pg'
import { heartbeat, signOff } from '../db/workers.ts'
import { createLeaseKeeper } from './lease-keeper.ts'
import type { Job, JobTools } from './job.ts'
import { startScheduler } from './scheduler.ts'
import { startSweeper } from './sweeper.ts'
import { startWatch } from './watch.ts'
import { startWorker } from './worker.ts'

export interface WorkOptions extends JobTools {
  pool: pg.Pool
  jobs: readonly Job[]
  /** Names this process in the ledger. */
  worker: string
  scheduler: boolean
  queue: boolean
}

export interface Work {
  /** Never resolves; rejects when the work has come to a stop that nobody asked for. */
  failed: Promise<never>
  /** Takes nothing new, finishes the pages at hand, gives the leases back. */
  stop(): Promise<void>
}

/** Starts what this process is to do: hand out ticks, work off the queue, or both; and says in the ledger that it lives. */
export async function startWork(options: WorkOptions): Promise<Work> {
  const { db, log, http, files, settings, pool, jobs, worker } = options
  const leaseSeconds = settings.LEASE_SECONDS
  const concurrency = settings.WORKER_CONCURRENCY
  const leases = createLeaseKeeper({ db, log, leaseSeconds })
  const executor = { db, http, files, log, settings, leases }
  const queue = options.queue
    ? await startWorker({ executor, pool, jobs, worker, leaseSeconds, concurrency })
    : undefined
  const sweeper = startSweeper({ db, log, jobs, leaseSeconds })
  const scheduler = options.scheduler
    ? await startScheduler({ db, log, settings, jobs, files })
    : undefined
  const watch = startWatch({ db, log, settings, jobs })

  const row = {
    id: worker,
    host: hostname(),
    pid: process.pid,
    roles: [...(scheduler ? ['scheduler'] : []), ...(queue ? ['worker'] : [])],
    poolId: queue?.poolId ?? null,
    concurrency: queue ? concurrency : 0,
  }
  await heartbeat(db, row)
  let lastBeat: Promise<void> = Promise.resolve()
  const beating = setInterval(
    () => {
      lastBeat = heartbeat(db, row).catch((error: unknown) =>
        log.warn({ reason: String(error) }, 'the sign of life did not reach the database'),
      )
    },
    (leaseSeconds * 1000) / 4,
  )

  return {
    failed: queue?.failed ?? new Promise<never>(() => {}),
    async stop() {
      // A check may take its time: the pages at hand do not wait for it.
      const watched = watch.stop()
      await scheduler?.stop()
      await sweeper.stop()
      await queue?.stop()
      await leases.close()
      await watched
      // It lives until its leases are given back; a sign of life after the signing off would raise it from the dead.
      clearInterval(beating)
      await lastBeat
      await signOff(db, worker)
    },
  }
}
