import type { Transaction } from 'kysely'
import type { Db } from '../db/connect.ts'
import type { DB } from '../db/schema.generated.ts'
import { insertTicks, lockSchedules, type ScheduleRow } from '../db/ticks.ts'
import type { Logger } from '../log.ts'
import { dueTicks } from './due-ticks.ts'

export interface DefaultSchedule {
  job: string
  expression: string
  timezone: string
  /** Whether the job has anything to do. Default: always. */
  isDue?: (() => Promise<boolean>) | undefined
}

/**
 * Queues the ticks that are due since each schedule's `last_tick`, by the database's clock. Any number of
 * schedulers may call this, at any moment: a schedule is looked at by one at a time, and a tick is a row with a key.
 * @param at the time to go by. Default: the database's.
 */
export async function enqueueDueTicks(
  db: Db,
  log: Logger,
  defaults: readonly DefaultSchedule[],
  at?: Date,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const rows = await lockSchedules(
      trx,
      defaults.map(({ job }) => job),
      at,
    )
    for (const row of rows) {
      const fallback = defaults.find(({ job }) => job === row.job)
      if (fallback) await enqueueTicksOf(trx, log, row, fallback)
    }
  })
}

async function enqueueTicksOf(
  trx: Transaction<DB>,
  log: Logger,
  row: ScheduleRow,
  fallback: DefaultSchedule,
): Promise<void> {
  const expression = row.expression ?? fallback.expression
  const timezone = row.timezone ?? fallback.timezone
  const { job, now } = row
  const changed = row.counted_expression !== expression || row.counted_timezone !== timezone
  const moveOn = async (error: string | null) => {
    await trx
      .updateTable('ledger.schedules')
      .set({
        last_tick: now,
        counted_expression: expression,
        counted_timezone: timezone,
        error,
        ...((row.paused || changed) && { counted_since: now }),
      })
      .where('job', '=', job)
      .execute()
  }
  // Paused time is not caught up, and a changed expression counts from now.
  if (row.paused || (changed && row.counted_expression !== null)) return await moveOn(null)
  try {
    const span = { after: row.last_tick, until: now }
    const { queue, skipped } = dueTicks({ expression, timezone }, span, {
      policy: row.catch_up,
      cap: row.catch_up_cap,
    })
    if (queue.length === 0 && skipped === 0 && !changed) return
    if (queue.length > 0 && fallback.isDue && !(await fallback.isDue())) return await moveOn(null)
    await insertTicks(trx, job, queue)
    await moveOn(null)
    if (queue.length + skipped > 0)
      log.info({ job, queued: queue, notCaughtUp: skipped }, 'ticks are due')
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    if (reason === row.error) return
    log.error({ job, expression, timezone, reason }, 'this schedule cannot be read')
    await moveOn(reason)
  }
}
