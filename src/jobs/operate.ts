import { sql } from 'kysely'
import { type Actor, noteAction } from '../db/actions.ts'
import { againOnDeadlock } from '../db/again-on-deadlock.ts'
import { type Cancelled, cancelTreeIn } from '../db/cancel.ts'
import type { Db } from '../db/connect.ts'
import { findLive, getJobCall, insertJobCalls, type JobCall, lockSubject } from '../db/job-calls.ts'
import { resume } from '../db/resume.ts'
import { Fault } from '../errors.ts'
import { unblock } from '../etl/extract/breaker.ts'
import type { Settings } from '../settings.ts'
import { missingSettings, parseParams } from './catalog.ts'
import type { Job } from './job.ts'
import { inTheWay } from './start-call.ts'

// What operators do, by a command or a button: done and written down in one transaction.

/** Cancels a call and all under it. @throws Fault `params` where it is over already. */
export async function cancelCall(
  db: Db,
  call: Pick<JobCall, 'id' | 'job'>,
  by: Actor,
): Promise<Cancelled> {
  const transaction = () =>
    db.transaction().execute(async (trx) => {
      const cancelled = await cancelTreeIn(trx, call.id, by.who)
      if (cancelled.ended + cancelled.stopping + cancelled.analyses === 0) {
        const { status } = (await getJobCall(trx, call.id)) ?? {}
        throw new Fault('params', `job call ${call.id} is over: ${status}`)
      }
      await noteAction(trx, by, { action: 'cancel', job: call.job, jobCallId: call.id })
      return cancelled
    })
  return await againOnDeadlock(transaction)
}

/**
 * Queues a call again, for a worker to take up.
 * @throws Fault `params` where it succeeded; Fault `busy` where it runs, or another call of its subject does.
 */
export async function queueAgain(db: Db, call: JobCall, by: Actor): Promise<void> {
  if (call.status === 'succeeded')
    throw new Fault('params', `job call ${call.id} succeeded: there is nothing to resume`)
  await db.transaction().execute(async (trx) => {
    await lockSubject(trx, call.job, call.subject)
    const live = call.parent_id === null ? await findLive(trx, call.job, call.subject) : undefined
    if (live && live.id !== call.id) throw inTheWay(live)
    if (!(await resume(trx, call.id, { wake: true })))
      throw inTheWay((await getJobCall(trx, call.id)) ?? call)
    await noteAction(trx, by, { action: 'resume', job: call.job, jobCallId: call.id })
  })
}

/**
 * Queues a new call of a job, for a worker to take up. Answers its id.
 * @throws Fault `params`; Fault `settings` that names what the job lacks; Fault `busy` where a live call is in the way
 */
export async function queueNew(
  db: Db,
  settings: Settings,
  job: Job,
  given: unknown,
  by: Actor,
): Promise<string> {
  const missing = missingSettings(job, settings)
  if (missing.length > 0)
    throw new Fault('params', `${job.name} needs ${missing.join(', ')}: not set`)
  const params = parseParams(job, given)
  const subject = job.subject?.(params) ?? ''
  return await db.transaction().execute(async (trx) => {
    await lockSubject(trx, job.name, subject)
    const live = await findLive(trx, job.name, subject)
    if (live) throw inTheWay(live)
    const trigger = by.door === 'cli' ? 'cli' : 'http'
    const [id = ''] = await insertJobCalls(trx, [{ job: job.name, trigger, subject, params }])
    await noteAction(trx, by, { action: 'run', job: job.name, jobCallId: id })
    return id
  })
}

/** Stops a job's schedule, or lets it go on; what is due in between is not caught up. */
export async function pauseSchedule(
  db: Db,
  job: string,
  paused: boolean,
  by: Actor,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await sql`
      insert into ledger.schedules (job, paused) values (${job}, ${paused})
      on conflict (job) do update set paused = excluded.paused`.execute(trx)
    await noteAction(trx, by, { action: paused ? 'pause' : 'unpause', job })
  })
}

/** Lets a service that shut us out be called again. Answers the accounts that were blocked. */
export async function unblockService(db: Db, service: string, by: Actor): Promise<string[]> {
  return await db.transaction().execute(async (trx) => {
    const accounts = await unblock(trx, service)
    if (accounts.length > 0) await noteAction(trx, by, { action: 'unblock', service })
    return accounts
  })
}
