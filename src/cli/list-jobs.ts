import { catalog, describeParams, missingSettings } from '../jobs/catalog.ts'
import type { Opened } from '../open.ts'
import { exitCode } from './exit.ts'
import { isoTime, span } from './format.ts'
import { type JobState, listJobStates } from './job-states.ts'
import { plainTable } from './plain-table.ts'
import { unknownSchedules } from './unknown-schedules.ts'

/** Lists the jobs: schedule, last result, what is missing to run them. */
export async function listJobs({ db, settings }: Opened): Promise<number> {
  const jobs = catalog.filter((job) => !job.child)
  const states = await listJobStates(
    db,
    jobs.map((job) => job.name),
  )
  const rows = jobs.map((job) => {
    const state = states.find((one) => one.job === job.name)
    const missing = missingSettings(job, settings)
    const expression = state?.expression ?? settings.schedules[job.name] ?? job.schedule
    return [
      job.name,
      missing.length > 0
        ? `none: ${missing.join(', ')} not set`
        : describeSchedule(expression, state),
      state?.live ? 'under way' : (state?.lastStatus ?? 'never ran'),
      state?.lastSuccessAt
        ? `${isoTime(state.lastSuccessAt)}, ${span((state.age ?? 0) * 1000)} ago`
        : '',
      describeParams(job),
    ]
  })
  process.stdout.write(
    `${plainTable(['job', 'schedule', 'last result', 'last success', 'parameters'], rows)}\n`,
  )
  for (const warning of unknownSchedules(settings, catalog)) process.stderr.write(`${warning}\n`)
  return exitCode.succeeded
}

function describeSchedule(expression: string | undefined, state: JobState | undefined): string {
  if (!expression) return 'none'
  if (state?.error) return `${expression} (unreadable: ${state.error})`
  return state?.paused ? `${expression} (paused)` : expression
}
