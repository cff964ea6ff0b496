import type { Db } from '../../db/connect.ts'
import { catalog } from '../../jobs/catalog.ts'
import { isoTime, span } from '../format.ts'
import { listJobStates } from '../job-states.ts'
import { plainTable } from '../plain-table.ts'
import { printIncidents } from '../print-checks.ts'

/** How old each job's last success is, up to when its data reach, and which incidents are open. */
export async function printFreshness(db: Db): Promise<void> {
  const states = await listJobStates(
    db,
    catalog.map((job) => job.name),
  )
  const head = [
    'job',
    'schedule',
    'last success',
    'age',
    'last result',
    'last finished',
    'under way',
    'read up to',
    'last tick',
  ]
  const rows = states.map((state) => [
    state.job,
    state.error
      ? 'unreadable'
      : state.paused
        ? 'paused'
        : state.scheduled
          ? 'on'
          : 'never scheduled',
    isoTime(state.lastSuccessAt) || 'never',
    state.age === null ? '' : span(state.age * 1000),
    state.lastStatus ?? 'never ran',
    isoTime(state.lastFinishedAt),
    state.live,
    isoTime(state.watermark),
    isoTime(state.lastTick),
  ])
  process.stdout.write(`${plainTable(head, rows)}\n`)
  await printIncidents(db)
}
