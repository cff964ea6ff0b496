import { schedule } from 'node-cron'
import type { Db } from '../db/connect.ts'
import { keepHouse } from '../db/keep-house.ts'
import { introduceJobs } from '../db/ticks.ts'
import { rewriteFilesAlone } from '../erase/rewrite-files.ts'
import { Fault } from '../errors.ts'
import type { Files } from '../etl/load/files.ts'
import type { Logger } from '../log.ts'
import type { Settings } from '../settings.ts'
import { missingSettings } from './catalog.ts'
import { validateSchedule } from './due-ticks.ts'
import { type DefaultSchedule, enqueueDueTicks } from './enqueue-due-ticks.ts'
import type { Job } from './job.ts'

export interface Scheduler {
  stop(): Promise<void>
}

/** The jobs that can run, with the schedules that the settings give them. @throws Fault `settings` for one that can't be read. */
export function defaultSchedules(
  jobs: readonly Job[],
  settings: Settings,
  db?: Db,
): DefaultSchedule[] {
  const timezone = settings.SCHEDULE_TIMEZONE
  return jobs.flatMap((job) => {
    const expression = settings.schedules[job.name] ?? job.schedule
    if (!expression || missingSettings(job, settings).length > 0) return []
    checkSchedule(job, expression, timezone)
    const isDue = job.isDue && db && (() => job.isDue?.({ db, settings }) ?? Promise.resolve(true))
    return [{ job: job.name, expression, timezone, isDue }]
  })
}

/** @throws Fault `settings` that names the variable where the expression comes from one. */
function checkSchedule(job: Job, expression: string, timezone: string): void {
  try {
    validateSchedule(expression, timezone)
  } catch (error) {
    const variable = `SCHEDULE_${job.name.toUpperCase().replaceAll('-', '_')}`
    const reason = error instanceof Error ? error.message : String(error)
    throw new Fault('settings', `${variable}: ${reason}`, { cause: error })
  }
}

/**
 * Wakes every second and lets SQL decide which ticks are due. node-cron only wakes: it looks forward only,
 * skips under load and forgets, and none of that loses a tick.
 */
export async function startScheduler({
  db,
  log,
  settings,
  jobs,
  files,
}: {
  db: Db
  log: Logger
  settings: Settings
  jobs: readonly Job[]
  files?: Files | undefined
}): Promise<Scheduler> {
  const defaults = defaultSchedules(jobs, settings, db)
  await introduceJobs(
    db,
    defaults.map(({ job }) => job),
  )
  const stopping = new AbortController()
  const filesUntilStop = files?.until(stopping.signal)
  const running = new Set<Promise<void>>()
  const guarded = (name: string, work: () => Promise<unknown>) => () => {
    const mine = work()
      .catch((error: unknown) => {
        if (stopping.signal.aborted) return
        log.warn({ reason: String(error) }, `${name} failed; it is tried again`)
      })
      .then(() => void running.delete(mine))
    running.add(mine)
    return mine
  }
  const tasks = [
    schedule(
      '* * * * * *',
      guarded('looking for due ticks', () => enqueueDueTicks(db, log, defaults)),
      { noOverlap: true },
    ),
    schedule(
      '17 * * * *',
      guarded('keeping house', () => keepHouse(db)),
      { noOverlap: true },
    ),
    schedule(
      '*/10 * * * * *',
      guarded('writing the files that an erasure left', () =>
        rewriteFilesAlone(db, filesUntilStop),
      ),
      { noOverlap: true },
    ),
  ]
  await guarded('looking for due ticks', () => enqueueDueTicks(db, log, defaults))()
  return {
    async stop() {
      stopping.abort(new Fault('interrupted', 'the scheduler stops'))
      for (const task of tasks) await task.destroy()
      await Promise.all(running)
    },
  }
}
