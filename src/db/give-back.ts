import { sql } from 'kysely'
import type { ErrorRecord } from '../errors.ts'
import type { Db } from './connect.ts'
import { toJsonb } from './jsonb.ts'
import type { Lease } from './leases.ts'
import { cancelAnalyses, settleParents } from './settle.ts'
import { addWakeUps } from './wake-up.ts'

export interface GiveBack {
  /** `queued` for another attempt, `waiting` where it is parked. */
  status: 'queued' | 'waiting'
  /** When it goes on, counted by the database's clock. Default: at once. */
  inMs?: number
  /** How many attempts have failed by now. Default: as many as before. */
  failures?: number
  error?: ErrorRecord
}

/**
 * Gives a lease back before the call is over: it goes on now or later, in whatever process takes it up. One that
 * somebody wants cancelled ends here instead, since nobody would take it up again.
 * Answers what it is now; undefined: the lease was no longer ours, and nothing was changed.
 */
export async function giveBack(
  db: Db,
  lease: Pick<Lease, 'call' | 'token'>,
  to: GiveBack,
): Promise<'queued' | 'waiting' | 'cancelled' | undefined> {
  const { id, parent_id, failures } = lease.call
  return await db.transaction().execute(async (trx) => {
    // The wake-up gets the very same time: one that came early would find the call not due.
    const { rows } = await sql<{ status: GiveBack['status'] | 'cancelled'; at: Date | null }>`
      update ledger.job_calls set
        status = case when cancel_requested_at is null then ${to.status} else 'cancelled' end,
        finished_at = case when cancel_requested_at is not null then clock_timestamp() end,
        next_attempt_at = case when cancel_requested_at is null then
          date_trunc('milliseconds', clock_timestamp() + make_interval(secs => ${to.inMs === undefined ? null : to.inMs / 1000}::float8)) end,
        lease_token = null, lease_expires_at = null, failures = ${to.failures ?? failures},
        error = ${to.error ? toJsonb(to.error) : null}::jsonb
      where id = ${id} and lease_token = ${lease.token}
      returning status, next_attempt_at as at`.execute(trx)
    const row = rows[0]
    if (row?.status === 'cancelled') {
      await cancelAnalyses(trx, [id])
      await settleParents(trx, parent_id)
    } else if (row) await addWakeUps(trx, [{ jobCallId: id }], row.at ?? undefined)
    return row?.status
  })
}
