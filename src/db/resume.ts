import { sql, type Transaction } from 'kysely'
import type { DB } from './schema.generated.ts'
import { addWakeUps } from './wake-up.ts'

/**
 * Queues a call again that failed, was cancelled or was left behind: the same row, the next attempt.
 * Its ancestors are opened again, and of what is under it just that which did not succeed.
 * `wake: false` where the caller takes up the call itself. False: it succeeded or a live worker holds it.
 */
export async function resume(
  trx: Transaction<DB>,
  id: string,
  options: { wake: boolean },
): Promise<boolean> {
  const { rows } = await sql<{ id: string; is_open: boolean }>`
      with recursive down as (
        select id from ledger.job_calls where id = ${id}
        union all select c.id from ledger.job_calls c join down d on c.parent_id = d.id
      )
      update ledger.job_calls c set
        -- One that only waits for children waits on; one whose own work failed is queued.
        status = case when parents.open_children > 0 then 'waiting' else 'queued' end,
        finished_at = null, next_attempt_at = null, lease_token = null, lease_expires_at = null, error = null, failures = 0,
        cancel_requested_at = null, cancel_requested_by = null
      from down join lateral (
        select count(*) filter (where k.status <> 'succeeded') as open_children from ledger.job_calls k where k.parent_id = down.id
      ) parents on true
      where c.id = down.id
        and (c.status in ('failed', 'cancelled', 'queued') or c.status = 'waiting' or c.status = 'running' and c.lease_expires_at < clock_timestamp())
      returning c.id, c.status = 'queued' as is_open`.execute(trx)
  if (!rows.some((row) => row.id === id)) return false
  await sql`
      with recursive up as (
        select parent_id as id from ledger.job_calls where id = ${id}
        union all select c.parent_id from ledger.job_calls c join up on c.id = up.id
      )
      update ledger.job_calls c set status = 'waiting', finished_at = null, error = null, cancel_requested_at = null, cancel_requested_by = null
      from up where c.id = up.id and c.finished_at is not null`.execute(trx)
  const queued = rows.filter((row) => row.is_open).map((row) => ({ jobCallId: row.id }))
  await addWakeUps(trx, options.wake ? queued : queued.filter((wakeUp) => wakeUp.jobCallId !== id))
  return true
}
