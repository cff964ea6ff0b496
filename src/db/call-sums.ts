import { sql } from 'kysely'
import type { Db } from './connect.ts'

/** Sums over streams of one operation that ended, or stand, alike. */
export interface OperationSums {
  service: string
  operation: string
  status: string
  streams: number
  pages: number
  requests: number
  retries: number
  rows_read: number
  rows_inserted: number
  rows_updated: number
  rows_unchanged: number
  rows_rejected: number
  throttled_ms: number
  credits: number
  credits_in_doubt: number
}

/** What a call and those under it read, by operation: a tree may have a million streams. */
export async function sumsOfTree(db: Db, id: string): Promise<OperationSums[]> {
  const { rows } = await sql<OperationSums>`
    with recursive tree as (
      select id from ledger.job_calls where id = ${id}
      union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
    )
    select s.service, s.operation, s.status, count(*) as streams,
      sum(s.pages)::bigint as pages, sum(s.requests)::bigint as requests, sum(s.retries)::bigint as retries,
      sum(s.rows_read)::bigint as rows_read, sum(s.rows_inserted)::bigint as rows_inserted, sum(s.rows_updated)::bigint as rows_updated,
      sum(s.rows_unchanged)::bigint as rows_unchanged, sum(s.rows_rejected)::bigint as rows_rejected,
      sum(s.throttled_ms)::bigint as throttled_ms, sum(s.credits)::bigint as credits, sum(s.credits_in_doubt)::bigint as credits_in_doubt
    from tree t join ledger.service_calls s on s.job_call_id = t.id
    group by s.service, s.operation, s.status order by min(s.started_at), s.operation`.execute(db)
  return rows
}

export interface RejectReason {
  entity: string
  reason: string
  count: number
  /** Of them, those that have not come well since. */
  still: number
  /** The id of one. */
  example: string
}

/** Why records of a call were refused, the commonest reason first. */
export async function listRejectReasons(db: Db, callId: string): Promise<RejectReason[]> {
  const { rows } = await sql<RejectReason>`
    select entity, reason, count(*) as count, count(*) filter (where closed_at is null) as still, min(external_id) as example
    from ledger.rejects where job_call_id = ${callId} group by entity, reason order by count(*) desc, reason`.execute(
    db,
  )
  return rows
}
