import type { Job } from '../jobs/job.ts'
import type { Settings } from '../settings.ts'

/**
 * A line for each `SCHEDULE_<JOB>` that is no job of ours: most likely a slip of the pen. No error, since the
 * environment may be shared with a newer version, or with another program.
 */
export function unknownSchedules(
  settings: Pick<Settings, 'schedules'>,
  jobs: readonly Job[],
): string[] {
  const known = jobs.map((job) => variableOf(job.name)).join(', ')
  return Object.keys(settings.schedules)
    .filter((name) => !jobs.some((job) => job.name === name))
    .map(
      (name) =>
        `${variableOf(name)}: there is no such job, so it schedules nothing; there is: ${known}`,
    )
}

const variableOf = (job: string) => `SCHEDULE_${job.toUpperCase().replaceAll('-', '_')}`
