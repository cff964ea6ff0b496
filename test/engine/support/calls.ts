import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'
import { getJobCall, insertJobCalls, type JobCall } from '../../../src/db/job-calls.ts'
import { until } from '../../support/until.ts'

/** Queues a call as a door would. */
export async function queueCall(db: Db, job: string, params: object = {}, subject = '') {
  const call = { job, trigger: 'http', subject, params } as const
  const [id = ''] = await db.transaction().execute((trx) => insertJobCalls(trx, [call]))
  return id
}

export async function callOf(db: Db, id: string): Promise<JobCall> {
  const call = await getJobCall(db, id)
  if (!call) throw new Error(`no job call ${id}`)
  return call
}

/** Waits until a call is as wanted. */
export async function untilCall(
  db: Db,
  id: string,
  what: string,
  wanted: (call: JobCall) => boolean,
  boundMs = 30_000,
): Promise<JobCall> {
  let last: JobCall | undefined
  try {
    return await until(
      what,
      async () => {
        last = await callOf(db, id)
        return wanted(last) ? last : undefined
      },
      boundMs,
    )
  } catch (error) {
    throw new Error(`${String(error)}; it was ${JSON.stringify(last)}`, { cause: error })
  }
}

export const untilStatus = (db: Db, id: string, status: string, boundMs?: number) =>
  untilCall(db, id, `call is ${status}`, (call) => call.status === status, boundMs)

/** What the ledger and the queue still hold as going on: `nothing` when nothing is left over. */
export async function leftOver(db: Db) {
  const { rows } = await sql<{ calls: number; streams: string[]; wakeUps: number; leases: number }>`
    select (select count(*) from ledger.job_calls where finished_at is null) as calls,
      array(select concat_ws(' ', operation, subject, cursor, pages) from ledger.service_calls where status = 'open') as streams,
      (select count(*) from ledger.job_calls where lease_token is not null) as leases,
      (select count(*) from graphile_worker.jobs) as "wakeUps"`.execute(db)
  return rows[0]
}

export const nothing = { calls: 0, streams: [], leases: 0, wakeUps: 0 }
