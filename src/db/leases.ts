import { sql } from 'kysely'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'
import { type Adoption, adoptUnfinished } from './adopt.ts'

/** A job call in the hands of one attempt: nothing is written for it without this token. */
export interface Lease {
  call: JobCall
  token: string
}

export interface TakeUpOptions {
  worker: string
  leaseSeconds: number
  /** Default: nothing is adopted. */
  adoption?: Adoption | undefined
}

/**
 * Takes a job call up if it is free: queued or parked, and due. One that was left behind is queued first, by
 * `rescue`, which counts the crash. The token tells when: a uuid v7 by the database's clock.
 * Streams that failed before are opened again; a first attempt adopts what an earlier call left unfinished.
 * Answers undefined where somebody else holds it, it is not due, or it is over.
 */
export async function takeUp(
  db: Db,
  id: string,
  options: TakeUpOptions,
): Promise<Lease | undefined> {
  return await db.transaction().execute(async (trx) => {
    const { rows } = await sql<JobCall>`
      update ledger.job_calls set
        status = 'running', attempt = attempt + 1, worker = ${options.worker}, next_attempt_at = null, error = null,
        lease_token = ledger.uuid_v7(), lease_expires_at = clock_timestamp() + make_interval(secs => ${options.leaseSeconds}),
        started_at = coalesce(started_at, clock_timestamp()), reading_since = coalesce(reading_since, clock_timestamp())
      where id = ${id} and cancel_requested_at is null
        and (status = 'queued' and (next_attempt_at is null or next_attempt_at <= clock_timestamp())
          or status = 'waiting' and next_attempt_at <= clock_timestamp())
      returning *`.execute(trx)
    const call = rows[0]
    if (!call?.lease_token) return undefined
    await trx
      .updateTable('ledger.service_calls')
      .set({ status: 'open', error: null, finished_at: null })
      .where('job_call_id', '=', id)
      .where('status', '=', 'failed')
      .execute()
    if (call.attempt === 1 && !call.fresh && options.adoption?.maxAgeMs) {
      Object.assign(call, await adoptUnfinished(trx, call, options.adoption))
    }
    return { call, token: call.lease_token }
  })
}

export interface Beat {
  id: string
  token: string
  progress: object | null
}

/** What became of the leases at a heartbeat: those not named are lost. */
export interface Beaten {
  id: string
  cancelRequestedBy: string | null
}

/**
 * Renews the leases that are still ours, in one statement, and tells which calls somebody wants cancelled.
 * Locks them by id, as a cancelling of a whole tree does.
 */
export async function beat(
  db: Db,
  beats: readonly Beat[],
  leaseSeconds: number,
): Promise<Beaten[]> {
  if (beats.length === 0) return []
  const ids = beats.map(({ id }) => id)
  const { rows } = await sql<Beaten>`
    with locked as materialized (
      select id from ledger.job_calls where id = any(${ids}::uuid[]) and status = 'running' order by id for update
    )
    update ledger.job_calls c
    set lease_expires_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), progress = coalesce(b.progress, c.progress)
    from locked join jsonb_to_recordset(${JSON.stringify(beats)}::jsonb) as b (id uuid, token uuid, progress jsonb) using (id)
    where c.id = locked.id and c.lease_token = b.token
    returning c.id, c.cancel_requested_by as "cancelRequestedBy"`.execute(db)
  return rows
}
