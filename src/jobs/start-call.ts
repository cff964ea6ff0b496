import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { cancelTreeIn } from '../db/cancel.ts'
import type { Db } from '../db/connect.ts'
import {
  findLatest,
  findLive,
  getJobCall,
  insertJobCalls,
  type JobCall,
  lockSubject,
} from '../db/job-calls.ts'
import { resume } from '../db/resume.ts'
import { Fault } from '../errors.ts'
import { parseParams } from './catalog.ts'
import type { Job } from './job.ts'

export interface Started {
  id: string
  /** Whose unfinished work goes on, where it does. */
  takenUp: JobCall | undefined
}

/**
 * The call that `npm run job` is to run: one that was left behind or failed with the same parameters is taken up,
 * else a new one is made; with `fresh` a new one always, and the one left behind is cancelled. Waits while the lease of
 * one that looks dead runs out.
 * @throws Fault `params`; Fault `busy` where a live call is in the way.
 */
export async function startCall(
  db: Db,
  job: Job,
  given: unknown,
  { fresh = false, onWait = () => {} }: { fresh?: boolean; onWait?: (live: JobCall) => void } = {},
): Promise<Started> {
  const params = parseParams(job, given)
  const subject = job.subject?.(params) ?? ''
  await waitWhileHeld(db, job.name, subject, onWait)
  return await db.transaction().execute(async (trx) => {
    await lockSubject(trx, job.name, subject)
    const live = await findLive(trx, job.name, subject)
    const last = await findLatest(trx, job.name, subject, params)
    const leftBehind = live !== undefined && live.id === last?.id
    if (live && !leftBehind) throw inTheWay(live)
    if (live && fresh) {
      const { stopping } = await cancelTreeIn(trx, live.id, 'npm run job -- --new')
      if (stopping > 0) throw inTheWay(live)
    } else if (last && (leftBehind || last.status === 'failed') && !fresh) {
      if (!(await resume(trx, last.id, { wake: false }))) throw inTheWay(last)
      return { id: last.id, takenUp: last }
    }
    const call = { job: job.name, trigger: 'cli', subject, params, fresh, wake: false } as const
    const [id = ''] = await insertJobCalls(trx, [call])
    return { id, takenUp: undefined }
  })
}

/** @throws Fault where there is nothing to resume, or a live worker holds it. */
export async function resumeCall(
  db: Db,
  id: string,
  onWait: (live: JobCall) => void = () => {},
): Promise<Started> {
  const call = await getJobCall(db, id)
  if (!call)
    throw new Fault('params', `there is no job call ${id}`, {
      hint: 'npm run ledger -- runs lists them',
    })
  if (call.status === 'succeeded')
    throw new Fault('params', `job call ${id} succeeded: there is nothing to resume`)
  await waitWhileHeld(db, call.job, call.subject, onWait)
  return await db.transaction().execute(async (trx) => {
    await lockSubject(trx, call.job, call.subject)
    const live = await findLive(trx, call.job, call.subject)
    if (live && live.id !== id && call.parent_id === null) throw inTheWay(live)
    if (!(await resume(trx, id, { wake: false }))) throw inTheWay(call)
    return { id, takenUp: call }
  })
}

/** A lease that is not renewed belongs to a dead worker: waits until it has run out. One that is renewed is alive. */
async function waitWhileHeld(
  db: Db,
  job: string,
  subject: string,
  onWait: (live: JobCall) => void,
): Promise<void> {
  let first: JobCall | undefined
  for (;;) {
    const live = await findLive(db, job, subject)
    if (live?.status !== 'running' || !live.lease_expires_at) return
    const { rows } = await sql<{
      over: boolean
    }>`select ${live.lease_expires_at} < clock_timestamp() as over`.execute(db)
    if (rows[0]?.over) return
    if (isGone(live.worker)) return await endLease(db, live)
    if (!first) onWait(live)
    first ??= live
    if (
      live.lease_token !== first.lease_token ||
      live.lease_expires_at > (first.lease_expires_at ?? live.lease_expires_at)
    ) {
      throw inTheWay(live)
    }
    await setTimeout(200)
  }
}

/** Whether a worker (`host:pid:...`) was a process of this machine that has ended: its lease need not be waited for. */
function isGone(worker: string | null): boolean {
  const [host, pid] = (worker ?? '').split(':')
  if (host !== hostname() || !pid) return false
  try {
    process.kill(Number(pid), 0)
    return false
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ESRCH'
  }
}

/** Should the worker live after all (another machine of the same name), the fence keeps it from writing. */
async function endLease(db: Db, { id, lease_token }: JobCall): Promise<void> {
  await sql`
    update ledger.job_calls set lease_expires_at = clock_timestamp() - interval '1 second'
    where id = ${id} and lease_token = ${lease_token}`.execute(db)
}

/** What to say where a live call keeps another from being opened. */
export function inTheWay({ id, job, status, worker }: JobCall): Fault {
  const where = status === 'running' ? `is running in ${worker}` : `is ${status}`
  return new Fault('busy', `${job}: job call ${id} ${where}`, {
    hint: `npm run ledger -- show ${id} tells how far it is; npm run ledger -- cancel ${id} stops it`,
  })
}
