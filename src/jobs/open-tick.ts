import type { Db } from '../db/connect.ts'
import { findLive, insertJobCalls, lockSubject } from '../db/job-calls.ts'
import { hasEarlierUnopened, lockTick } from '../db/ticks.ts'
import { addWakeUps } from '../db/wake-up.ts'
import { Fault } from '../errors.ts'
import { parseParams } from './catalog.ts'
import type { Job } from './job.ts'

/** How often a tick that waits for the one before looks again, in ms. */
const lookAgainMs = 2000
/** Schedulers look every second: what they queue so late, in ms, was missed. */
const missedAfterMs = 5000

/**
 * Makes the job call of a tick, once, or decides by the overlap policy that there will be none: `skip` says why in
 * the tick's row, `queue` looks again later, `allow` makes it all the same. Answers the call's id, if there is one.
 * Runs with the parameters of the schedule; where the job can't take those, the tick is skipped and says why.
 * One that finds nothing to do makes none either. Missed ticks that are all to be caught up queue, in order, also where the policy is to skip: they would skip each other.
 */
export async function openTick(
  db: Db,
  job: Job,
  scheduledFor: string,
  isDue?: () => Promise<boolean>,
): Promise<string | undefined> {
  const schedule = await db
    .selectFrom('ledger.schedules')
    .select(['overlap', 'catch_up', 'params'])
    .where('job', '=', job.name)
    .executeTakeFirstOrThrow()
  const given = readParams(job, schedule.params)
  const subject = 'params' in given ? (job.subject?.(given.params) ?? '') : ''
  return await db.transaction().execute(async (trx) => {
    await lockSubject(trx, job.name, subject)
    const tick = await lockTick(trx, job.name, scheduledFor)
    if (!tick || tick.skipped_reason !== null) return undefined
    if (tick.job_call_id !== null) return tick.job_call_id

    const thisTick = { job: job.name, scheduledFor }
    const skip = async (reason: string) => {
      await trx
        .updateTable('ledger.ticks')
        .set({ skipped_reason: reason })
        .where('job', '=', job.name)
        .where('scheduled_for', '=', tick.scheduled_for)
        .execute()
      return undefined
    }
    if (!('params' in given)) return await skip(given.reason)
    if (isDue && !(await isDue())) return await skip('there was nothing to do any more')
    const missed = tick.queued_at.getTime() - tick.scheduled_for.getTime() > missedAfterMs
    const waitsItsTurn = schedule.overlap === 'skip' && schedule.catch_up === 'all' && missed
    const overlap = waitsItsTurn ? 'queue' : schedule.overlap
    const live = overlap === 'allow' ? undefined : await findLive(trx, job.name, subject)
    if (live && overlap === 'skip')
      return await skip(`job call ${live.id} was still ${live.status}`)
    if (
      live ||
      (overlap === 'queue' && (await hasEarlierUnopened(trx, job.name, tick.scheduled_for)))
    ) {
      await addWakeUps(trx, [thisTick], new Date(Date.now() + lookAgainMs))
      return undefined
    }
    const call = {
      job: job.name,
      trigger: 'cron',
      subject,
      params: given.params,
      scheduledFor: tick.scheduled_for,
      wake: false,
    } as const
    const [id] = await insertJobCalls(trx, [call])
    await trx
      .updateTable('ledger.ticks')
      .set({ job_call_id: id ?? null })
      .where('job', '=', job.name)
      .where('scheduled_for', '=', tick.scheduled_for)
      .execute()
    return id
  })
}

function readParams(job: Job, params: unknown): { params: object } | { reason: string } {
  try {
    return { params: parseParams(job, params) }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const hint = `update ledger.schedules set params = '...' where job = '${job.name}'`
    return { reason: `${error.message}; ${hint}` }
  }
}
