import { sql, type Transaction } from 'kysely'
import { againOnDeadlock } from './again-on-deadlock.ts'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'
import { settleParents } from './settle.ts'

export interface Cancelled {
  /** Ended at once: they were queued or waiting. */
  ended: number
  /** Running: their workers stop them within seconds. */
  stopping: number
  /** Contents that were out for analysis, also of calls that are over. */
  analyses: number
}

/**
 * Cancels a job call and all under it. Who asked first is kept. What runs is stopped by its worker at the next
 * heartbeat; what is queued, waiting or out for analysis ends here, and what a dead worker left behind.
 */
export async function cancelTree(db: Db, id: string, by: string): Promise<Cancelled> {
  return await againOnDeadlock(() => db.transaction().execute((trx) => cancelTreeIn(trx, id, by)))
}

/** The same, in the caller's transaction. */
export async function cancelTreeIn(
  trx: Transaction<DB>,
  id: string,
  by: string,
): Promise<Cancelled> {
  let marked: string[] = []
  // A running call may be adding children: once it is marked it can't, so what it added by then is found by another look.
  for (;;) {
    const open = await markOpen(trx, id, by)
    if (open.length === marked.length) break
    marked = open
  }
  const analyses = await endAnalyses(trx, id)
  const ended = await endWhatNobodyRuns(trx, marked)
  return { ended, stopping: marked.length - ended, analyses }
}

/**
 * Locks the calls by id, as heartbeats do. Those marked before are among them: whoever ran one may have died since, and
 * whoever marked a parent may have missed a child.
 */
async function markOpen(trx: Transaction<DB>, id: string, by: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive tree as (
      select id from ledger.job_calls where id = ${id}
      union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
    ), locked as materialized (
      select id, cancel_requested_at from ledger.job_calls where id in (select id from tree) and finished_at is null
      order by id for update
    ), marked as (
      update ledger.job_calls c set cancel_requested_at = clock_timestamp(), cancel_requested_by = ${by}
      from locked where c.id = locked.id and locked.cancel_requested_at is null
    )
    select id from locked`.execute(trx)
  return rows.map((row) => row.id)
}

/** Calls that are over may have some out as well. What a running call adds until it stops, its settling ends. */
async function endAnalyses(trx: Transaction<DB>, id: string): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    with recursive tree as (
      select id, root_id from ledger.job_calls where id = ${id}
      union all select c.id, c.root_id from ledger.job_calls c join tree t on c.parent_id = t.id
    ), locked as materialized (
      -- In this order, as whoever writes their results locks them.
      select a.content_key, a.service from tree t
      join ledger.analysis_tasks a on a.root_call_id = t.root_id and a.job_call_id = t.id and a.finished_at is null
      order by a.content_key, a.service for update of a
    )
    update ledger.analysis_tasks a set status = 'cancelled', finished_at = clock_timestamp()
    from locked l where a.content_key = l.content_key and a.service = l.service`.execute(trx)
  return Number(numAffectedRows)
}

/** Answers how many it ended. A parent ends when the last of its running children has. */
async function endWhatNobodyRuns(trx: Transaction<DB>, ids: readonly string[]): Promise<number> {
  const { rows } = await sql<{ parent_id: string | null }>`
    update ledger.job_calls set status = 'cancelled', finished_at = clock_timestamp(), next_attempt_at = null,
      lease_token = null, lease_expires_at = null
    where id = any(${ids}::uuid[]) and (status = 'queued' or status = 'waiting' and next_attempt_at is not null
      or status = 'running' and lease_expires_at < clock_timestamp())
    returning parent_id`.execute(trx)
  for (const parent of new Set(rows.map((row) => row.parent_id))) await settleParents(trx, parent)
  const { rows: over } = await sql<{ count: number }>`
    select count(*) as count from ledger.job_calls
    where id = any(${ids}::uuid[]) and finished_at is not null`.execute(trx)
  return over[0]?.count ?? 0
}
