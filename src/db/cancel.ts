import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'
import { settleParents } from './settle.ts'

export interface Cancelled {
  /** Ended at once: they were queued or waiting. */
  ended: number
  /** Running: their workers stop them within seconds. */
  stopping: number
}

/**
 * Cancels a job call and all under it. Who asked is kept. What runs is stopped by its worker at the next
 * heartbeat; what is queued, waiting or out for analysis ends here.
 */
export async function cancelTree(db: Db, id: string, by: string): Promise<Cancelled> {
  return await db.transaction().execute(async (trx) => {
    const tree = sql`
      with recursive tree as (
        select id from ledger.job_calls where id = ${id}
        union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
      )`
    const { rows } = await sql<{ id: string; parent_id: string | null; status: string }>`
      ${tree}
      update ledger.job_calls c set cancel_requested_at = clock_timestamp(), cancel_requested_by = ${by}
      from tree t where c.id = t.id and c.finished_at is null
      returning c.id, c.parent_id, c.status`.execute(trx)
    await endCancelled(
      trx,
      rows.map((row) => row.id),
    )
    const stopping = rows.filter((row) => row.status === 'running').length
    return { ended: rows.length - stopping, stopping }
  })
}

/** Ends those that nobody runs; a parent ends when the last of its running children has. */
async function endCancelled(trx: Transaction<DB>, ids: string[]): Promise<void> {
  if (ids.length === 0) return
  const { rows } = await sql<{ id: string; parent_id: string | null }>`
    update ledger.job_calls c set status = 'cancelled', finished_at = clock_timestamp(), next_attempt_at = null
    where id = any(${ids}::uuid[]) and (status = 'queued' or status = 'waiting' and next_attempt_at is not null)
    returning id, parent_id`.execute(trx)
  await sql`
    update ledger.analysis_tasks set status = 'cancelled', finished_at = clock_timestamp()
    where job_call_id = any(${ids}::uuid[]) and finished_at is null`.execute(trx)
  const parents = new Set(rows.map((row) => row.parent_id))
  for (const parent of [...parents, ...ids]) await settleParents(trx, parent)
}
