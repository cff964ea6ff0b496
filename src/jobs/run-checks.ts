import { sql, type Transaction } from 'kysely'
import { z } from 'zod'
import { cancellable } from '../db/cancellable.ts'
import {
  type CallToCheck,
  type CheckRow,
  listCallsToCheck,
  lockForChecks,
  writeChecks,
} from '../db/checks.ts'
import type { Db } from '../db/connect.ts'
import { isDatabaseAway } from '../db/lost-connection.ts'
import type { DB } from '../db/schema.generated.ts'
import type { Check } from './check.ts'
import type { Job, JobTools } from './job.ts'

/** How long a check may take. */
export const longestCheckMs = 30_000

const answerSchema = z.tuple([
  z.object({ holds: z.boolean().nullable(), found: z.string().max(10_000) }),
])

/**
 * Runs the checks of jobs that have ended a call since they last ran. Any number of processes may do this: each call is
 * checked by one. A check that can't be run counts as failed, and the others run all the same.
 * @throws the signal's reason, at once: nothing of the call that was being checked is kept then
 */
export async function runDueChecks(
  { db, log, settings }: Pick<JobTools, 'db' | 'log' | 'settings'>,
  jobs: readonly Job[],
  signal: AbortSignal,
): Promise<void> {
  const checked = jobs.filter((job) => job.checks?.length)
  if (checked.length === 0) return
  const due = await listCallsToCheck(
    db,
    checked.map(({ name }) => name),
  )
  for (const call of due) {
    const checks = checked.find(({ name }) => name === call.job)?.checks ?? []
    const found = await db.transaction().execute(async (trx) => {
      if (!(await lockForChecks(trx, call))) return []
      await sql`select set_config('statement_timeout', ${String(longestCheckMs)}, true)`.execute(
        trx,
      )
      const rows: CheckRow[] = []
      for (const check of checks) {
        signal.throwIfAborted()
        rows.push(await runCheck({ db, trx, signal }, check, call, settings.hide))
      }
      await writeChecks(trx, call, rows)
      return rows
    })
    for (const { name, status, found: says } of found) {
      const about = { job: call.job, jobCall: call.id, check: name, found: says }
      if (status === 'failed') log.info(about, 'a check failed')
      if (status === 'broken') log.warn(about, 'a check could not be run')
    }
  }
}

/** In a read-only part of the transaction: what it does wrong is undone, and harms no other check. */
async function runCheck(
  { db, trx, signal }: { db: Db; trx: Transaction<DB>; signal: AbortSignal },
  { name, title, ...check }: Check,
  call: CallToCheck,
  hide: (text: string) => string,
): Promise<CheckRow> {
  await sql`savepoint a_check`.execute(trx)
  try {
    await sql`set local transaction_read_only = on`.execute(trx)
    const { rows } = await cancellable({ db, trx, signal }, () =>
      check.sql({ id: call.id, job: call.job }).execute(trx),
    )
    const [{ holds, found }] = answerSchema.parse(rows)
    const status = holds === null ? 'unknown' : holds ? 'passed' : 'failed'
    return { name, title, status, found: hide(found) }
  } catch (error) {
    if (signal.aborted || isDatabaseAway(error)) throw error
    const reason =
      error instanceof z.ZodError
        ? `one row was expected, with holds (a boolean or null) and found (a text): ${z.prettifyError(error)}`
        : String(error)
    return { name, title, status: 'broken', found: hide(reason) }
  } finally {
    await sql`rollback to savepoint a_check`.execute(trx)
  }
}
