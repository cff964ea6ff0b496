import type { Db } from '../db/connect.ts'
import { foldTallies } from '../db/metrics.ts'
import { listOrphans, rescue, settleForgottenParents, wakeForgotten } from '../db/orphans.ts'
import { buryDeadWorkers } from '../db/workers.ts'
import type { Logger } from '../log.ts'
import { defaultMaxAttempts, type Job } from './job.ts'

export interface Sweeper {
  stop(): Promise<void>
}

/**
 * Looks after what was left behind: calls whose worker is gone, queue rows that it held, parents nobody settled,
 * wake-ups that got lost, tallies that pile up. Every process that works does this, so the last one alive does too.
 */
export function startSweeper({
  db,
  log,
  jobs,
  leaseSeconds,
}: {
  db: Db
  log: Logger
  jobs: readonly Job[]
  leaseSeconds: number
}): Sweeper {
  const everyMs = Math.min(5000, (leaseSeconds * 1000) / 2)
  let nextThorough = 0
  let sweeping: Promise<void> | undefined

  async function sweep(): Promise<void> {
    for (const orphan of await listOrphans(db)) {
      const job = jobs.find(({ name }) => name === orphan.job)
      await rescue(db, orphan, job?.maxAttempts ?? defaultMaxAttempts)
      log.warn(
        { jobCall: orphan.id, job: orphan.job, worker: orphan.worker },
        'its worker is gone; rescued',
      )
    }
    const dead = await buryDeadWorkers(db, leaseSeconds)
    if (dead.length > 0) log.warn({ workers: dead }, 'workers stopped without a word')
    if (performance.now() < nextThorough) return
    nextThorough = performance.now() + 30_000
    await foldTallies(db)
    await settleForgottenParents(db)
    const woken = await wakeForgotten(db)
    if (woken > 0) log.warn({ woken }, 'wake-ups had got lost; added again')
  }

  const timer = setInterval(() => {
    sweeping ??= sweep()
      .catch((error: unknown) =>
        log.warn({ reason: String(error) }, 'sweeping failed; it is tried again'),
      )
      .finally(() => {
        sweeping = undefined
      })
  }, everyMs)
  return {
    async stop() {
      clearInterval(timer)
      await sweeping
    },
  }
}
