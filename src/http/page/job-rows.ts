import { type Selectable, sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { LedgerJobStates } from '../../db/schema.generated.ts'
import { catalog, missingSettings } from '../../jobs/catalog.ts'
import { nextTick } from '../../jobs/due-ticks.ts'
import type { Job } from '../../jobs/job.ts'
import type { Settings } from '../../settings.ts'

/** A line of `ledger.recent_calls`. */
export interface RecentCall {
  job: string
  id: string
  status: string
  trigger: string
  scheduled_for: Date | null
  queued_at: Date
  started_at: Date | null
  finished_at: Date | null
  seconds: number | null
  attempt: number
  error_kind: string | null
  checks_failed: number
}

type JobState = Selectable<LedgerJobStates>

export interface JobRow {
  name: string
  /** Undefined: this program does not have it (any more). */
  job: Job | undefined
  /** As `ledger.job_states` has it; undefined: the ledger has never heard of it. */
  state: JobState | undefined
  /** Newest first. */
  calls: RecentCall[]
  schedule: NextTick
}

/** When a job runs next, or in a word why it does not. */
export type NextTick =
  | { at: Date; expression: string; timezone: string }
  | { never: string; expression?: string; timezone?: string }

/**
 * A row for each job: what the ledger's views say, and of the catalog's jobs that have never run, that.
 * @param most calls of each
 * @param only of just this job
 */
export async function listJobRows(
  db: Db,
  settings: Settings,
  most: number,
  only?: string,
): Promise<{ now: Date; rows: JobRow[] }> {
  let states = db.selectFrom('ledger.job_states').selectAll()
  if (only !== undefined) states = states.where('job', '=', only)
  const [known, calls, { rows: clock }] = await Promise.all([
    states.execute(),
    sql<RecentCall>`select * from ledger.recent_calls(${most}::int) where ${only === undefined ? sql`true` : sql`job = ${only}`}`.execute(
      db,
    ),
    sql<{ now: Date }>`select clock_timestamp() as now`.execute(db),
  ])
  const now = clock[0]?.now ?? new Date()
  const own = catalog.filter((job) => !job.child).map(({ name }) => name)
  const names = new Set([...own, ...known.map(({ job }) => job ?? '')])
  const rows = [...names]
    .filter((name) => only === undefined || name === only)
    .toSorted((a, b) => a.localeCompare(b))
    .map((name) => {
      const job = catalog.find((one) => one.name === name)
      const state = known.find((one) => one.job === name)
      return {
        name,
        job,
        state,
        calls: calls.rows.filter((call) => call.job === name),
        schedule: tellNextTick(job, state, settings, now),
      }
    })
  return { now, rows }
}

function tellNextTick(
  job: Job | undefined,
  state: JobState | undefined,
  settings: Settings,
  now: Date,
): NextTick {
  const expression =
    state?.expression ?? (job && (settings.schedules[job.name] ?? job.schedule)) ?? undefined
  if (expression === undefined) return { never: 'when asked' }
  const timezone = state?.timezone ?? settings.SCHEDULE_TIMEZONE
  const schedule = { expression, timezone }
  if (state?.paused) return { never: 'paused', ...schedule }
  if (job && missingSettings(job, settings).length > 0)
    return { never: 'not configured', ...schedule }
  try {
    const at = nextTick(schedule, now)
    return at ? { at, ...schedule } : { never: 'never', ...schedule }
  } catch {
    // The trouble is told by `ledger.schedules.error`.
    return { never: 'cannot be read', ...schedule }
  }
}
