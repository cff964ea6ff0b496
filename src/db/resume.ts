import { sql, type Transaction } from 'kysely'
import { reviveTasksOf } from './analysis-revive.ts'
import type { DB } from './schema.generated.ts'
import { settleParents } from './settle.ts'
import { addWakeUps } from './wake-up.ts'

/**
 * Queues a call again that failed, was cancelled or was left behind: the same row, the next attempt.
 * Of what is under it just that which did not succeed; its ancestors are opened again where nothing but children was
 * missing. Whether a call's own work is done is told by its result: then it only waits for children.
 * `wake: false` where the caller takes up the call itself. False: it succeeded or a live worker holds it.
 */
export async function resume(
  trx: Transaction<DB>,
  id: string,
  options: { wake: boolean },
): Promise<boolean> {
  const { rows } = await sql<{ id: string; status: 'queued' | 'waiting' }>`
    with recursive down as (
      select id from ledger.job_calls where id = ${id}
      union all select c.id from ledger.job_calls c join down d on c.parent_id = d.id
    )
    update ledger.job_calls c set
      status = case when c.result is not null and exists (select from ledger.job_calls k where k.parent_id = c.id)
        then 'waiting' else 'queued' end,
      finished_at = null, next_attempt_at = null, lease_token = null, lease_expires_at = null, error = null, failures = 0,
      cancel_requested_at = null, cancel_requested_by = null
    from down
    where c.id = down.id
      and (c.status in ('failed', 'cancelled', 'queued', 'waiting') or c.status = 'running' and c.lease_expires_at < clock_timestamp())
    returning c.id, c.status`.execute(trx)
  if (!rows.some((row) => row.id === id)) return false
  await sql`
    with recursive up as (
      select parent_id as id from ledger.job_calls where id = ${id}
      union all select c.parent_id from ledger.job_calls c join up on c.id = up.id
    )
    update ledger.job_calls c set status = 'waiting', finished_at = null, error = null, cancel_requested_at = null, cancel_requested_by = null
    from up where c.id = up.id and c.finished_at is not null and c.result is not null`.execute(trx)
  await reviveTasksOf(trx, id)
  const queued = rows.filter((row) => row.status === 'queued').map((row) => ({ jobCallId: row.id }))
  await addWakeUps(trx, options.wake ? queued : queued.filter((wakeUp) => wakeUp.jobCallId !== id))
  // One whose children had all succeeded meanwhile has nothing to wait for.
  for (const row of rows) if (row.status === 'waiting') await settleParents(trx, row.id)
  return true
}
