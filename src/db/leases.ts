import { sql } from 'kysely'
import { randomUUID } from 'node:crypto'
import type { ErrorRecord } from '../errors.ts'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'
import { adoptUnfinished } from './adopt.ts'
import { addWakeUps } from './wake-up.ts'

/** A job call in the hands of one attempt: nothing is written for it without this token. */
export interface Lease {
  call: JobCall
  token: string
  /** Whose expired lease this attempt took over, where it did. */
  takenOverFrom: string | null
}

export interface TakeUpOptions {
  worker: string
  leaseSeconds: number
  /** How old an earlier call's cursor may be to be adopted, in ms. Default: never adopted. */
  cursorMaxAgeMs?: number | undefined
}

/**
 * Takes a job call up if it is free: queued and due, parked and due, or left behind with an expired lease.
 * Streams that failed before are opened again; a first attempt adopts what an earlier call left unfinished.
 * Answers undefined where somebody else holds it, it is not due, or it is over.
 */
export async function takeUp(
  db: Db,
  id: string,
  options: TakeUpOptions,
): Promise<Lease | undefined> {
  const token = randomUUID()
  return await db.transaction().execute(async (trx) => {
    const { rows } = await sql<JobCall & { was: string; was_worker: string | null }>`
      with free as (
        select id, status, worker from ledger.job_calls
        where id = ${id} and cancel_requested_at is null
          and (status = 'queued' and (next_attempt_at is null or next_attempt_at <= clock_timestamp())
            or status = 'waiting' and next_attempt_at <= clock_timestamp()
            or status = 'running' and lease_expires_at < clock_timestamp())
        for update)
      update ledger.job_calls c set
        status = 'running', attempt = attempt + 1, worker = ${options.worker}, next_attempt_at = null, error = null,
        failures = failures + (free.status = 'running')::int,
        lease_token = ${token}, lease_expires_at = clock_timestamp() + make_interval(secs => ${options.leaseSeconds}),
        started_at = coalesce(started_at, clock_timestamp()), reading_since = coalesce(reading_since, clock_timestamp())
      from free where c.id = free.id
      returning c.*, free.status as was, free.worker as was_worker`.execute(trx)
    const row = rows[0]
    if (!row) return undefined
    const { was, was_worker, ...call } = row
    await trx
      .updateTable('ledger.service_calls')
      .set({ status: 'open', error: null, finished_at: null })
      .where('job_call_id', '=', id)
      .where('status', '=', 'failed')
      .execute()
    if (call.attempt === 1 && !call.fresh && options.cursorMaxAgeMs) {
      Object.assign(call, await adoptUnfinished(trx, call, options.cursorMaxAgeMs))
    }
    return { call, token, takenOverFrom: was === 'running' ? was_worker : null }
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

/** Renews the leases that are still ours, in one statement, and tells which calls somebody wants cancelled. */
export async function beat(
  db: Db,
  beats: readonly Beat[],
  leaseSeconds: number,
): Promise<Beaten[]> {
  if (beats.length === 0) return []
  const { rows } = await sql<Beaten>`
    update ledger.job_calls c
    set lease_expires_at = clock_timestamp() + make_interval(secs => ${leaseSeconds}), progress = coalesce(b.progress, c.progress)
    from jsonb_to_recordset(${JSON.stringify(beats)}::jsonb) as b (id uuid, token uuid, progress jsonb)
    where c.id = b.id and c.lease_token = b.token
    returning c.id, c.cancel_requested_by as "cancelRequestedBy"`.execute(db)
  return rows
}

/**
 * Gives a lease back before its time: the call is queued again, now or at `at` (a retry), or `waiting` until then (parked).
 * False: the lease was no longer ours, and nothing was changed.
 */
export async function giveBack(
  db: Db,
  lease: Pick<Lease, 'call' | 'token'>,
  to: { status: 'queued' | 'waiting'; at?: Date; failed?: boolean; error?: ErrorRecord },
): Promise<boolean> {
  return await db.transaction().execute(async (trx) => {
    const { numUpdatedRows } = await trx
      .updateTable('ledger.job_calls')
      .set({
        status: to.status,
        lease_token: null,
        lease_expires_at: null,
        next_attempt_at: to.at ?? null,
        error: to.error ? JSON.stringify(to.error) : null,
        ...(to.failed ? { failures: sql<number>`failures + 1` } : {}),
      })
      .where('id', '=', lease.call.id)
      .where('lease_token', '=', lease.token)
      .executeTakeFirst()
    if (numUpdatedRows === 0n) return false
    await addWakeUps(trx, [{ jobCallId: lease.call.id }], to.at)
    return true
  })
}
