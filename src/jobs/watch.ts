import { setTimeout } from 'node:timers/promises'
import {
  findFailed,
  findFailedChecks,
  findFailedParts,
  lockIncidents,
  noteFindings,
} from '../db/incidents.ts'
import { Fault } from '../errors.ts'
import type { Settings } from '../settings.ts'
import type { DefaultSchedule } from './enqueue-due-ticks.ts'
import type { Job, JobTools } from './job.ts'
import { findLate } from './late-jobs.ts'
import { postAlerts } from './post-alerts.ts'
import { runDueChecks } from './run-checks.ts'
import { defaultSchedules } from './scheduler.ts'

type WatchTools = Pick<JobTools, 'db' | 'log' | 'settings'> & { jobs: readonly Job[] }

export interface Watch {
  stop(): Promise<void>
}

/**
 * Looks after what ended: runs the checks of its job, opens and closes incidents, posts them. Every process that serves does
 * this, so that the last one alive does too; the ledger sees to it that each thing is done once. Beside the runs: none
 * waits for it.
 */
export function startWatch(tools: WatchTools): Watch {
  const { log, settings } = tools
  const everyMs = Math.min(5000, (settings.LEASE_SECONDS * 1000) / 2)
  const stopping = new AbortController()
  const { signal } = stopping
  async function watch(): Promise<void> {
    while (!signal.aborted) {
      await lookOnce(tools, signal).catch((error: unknown) => {
        if (signal.aborted) return
        log.warn({ reason: String(error) }, 'watching the jobs failed; it is tried again')
      })
      await setTimeout(everyMs, undefined, { signal }).catch(() => {})
    }
  }
  const watching = watch()
  return {
    async stop() {
      stopping.abort()
      await watching
    },
  }
}

/** One look, for a process that is about to end. */
export async function lookOnce(tools: WatchTools, signal: AbortSignal): Promise<void> {
  await runDueChecks(tools, tools.jobs, signal)
  await noteIncidents(tools)
  await postAlerts(tools, signal)
}

async function noteIncidents({ db, log, settings, jobs }: WatchTools): Promise<void> {
  const roots = jobs.filter((job) => !job.child)
  const names = roots.map(({ name }) => name)
  const schedules = readSchedules(roots, settings)
  await db.transaction().execute(async (trx) => {
    if (!(await lockIncidents(trx))) return
    const failed = await findFailed(trx, names)
    const parts = await findFailedParts(trx, names)
    const checks = await findFailedChecks(trx, names)
    const late = (await findLate(trx, roots, schedules)).filter(
      // That it failed says as much.
      ({ job, ...found }) =>
        !('message' in found) || !failed.some((one) => one.job === job && 'message' in one),
    )
    const { opened, closed } = await noteFindings(trx, [...failed, ...parts, ...checks, ...late])
    for (const { job, kind, about } of opened) log.info({ job, kind, about }, 'an incident began')
    for (const { job, kind, about } of closed) log.info({ job, kind, about }, 'an incident is over')
  })
}

/** Where one can't be read no scheduler starts, which says so: all else is watched all the same. */
function readSchedules(jobs: readonly Job[], settings: Settings): DefaultSchedule[] {
  try {
    return defaultSchedules(jobs, settings)
  } catch (error) {
    if (error instanceof Fault) return []
    throw error
  }
}
