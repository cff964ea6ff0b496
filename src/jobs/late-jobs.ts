import type { Transaction } from 'kysely'
import type { Db } from '../db/connect.ts'
import { listLastSuccesses, type LastSuccess } from '../db/last-successes.ts'
import type { Finding } from '../db/incidents.ts'
import type { DB } from '../db/schema.generated.ts'
import { lastTick } from './due-ticks.ts'
import type { DefaultSchedule } from './enqueue-due-ticks.ts'
import { defaultLateAfterMs, type Job } from './job.ts'

/**
 * Which of the scheduled jobs are late: the last success is older than the last tick that had time enough to succeed. Worked
 * out from the schedule, not from the ticks that were handed out: where no scheduler lives, that is what must be told.
 */
export async function findLate(
  db: Db | Transaction<DB>,
  jobs: readonly Job[],
  schedules: readonly DefaultSchedule[],
): Promise<Finding[]> {
  const states = await listLastSuccesses(
    db,
    schedules.map(({ job }) => job),
  )
  return states.flatMap((state) => {
    const schedule = schedules.find(({ job }) => job === state.job)
    const job = jobs.find(({ name }) => name === state.job)
    return schedule && job ? [judge(job, state, schedule)] : []
  })
}

function judge(job: Job, state: LastSuccess, fallback: DefaultSchedule): Finding {
  const lane = { job: job.name, kind: 'late', about: '' } as const
  if (state.paused) return { ...lane, over: 'its schedule is paused' }
  const expression = state.expression ?? fallback.expression
  const timezone = state.timezone ?? fallback.timezone
  const lateAfterMs = state.lateAfterMs ?? job.lateAfterMs ?? defaultLateAfterMs
  if (lateAfterMs === Infinity) return { ...lane, over: 'it is never late' }
  const until = new Date(state.now.getTime() - lateAfterMs)
  const due = readTick({ expression, timezone }, { after: state.countedSince, until })
  const succeededAt = state.lastSuccessAt
  if (!due) return { ...lane, over: 'no tick of its schedule is due' }
  if (succeededAt && succeededAt >= due) return { ...lane, over: 'it has succeeded' }
  const last = succeededAt ? `the last success was at ${succeededAt.toISOString()}` : 'it never has'
  return {
    ...lane,
    message: `was due at ${due.toISOString()} and has not succeeded since then; ${last}`,
    hint: 'npm run ledger -- sql "select * from ledger.stuck" says what does not move; is a scheduler running, and a worker?',
  }
}

/** A schedule that can't be read gives no ticks: `schedules.error` says so. */
function readTick(...args: Parameters<typeof lastTick>): Date | null {
  try {
    return lastTick(...args)
  } catch {
    return null
  }
}
