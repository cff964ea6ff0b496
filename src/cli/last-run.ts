import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'

/**
 * How many rows the last run like this one read, those of its children included: of the same job, subject and parameters,
 * and succeeded. Undefined where there was none.
 */
export async function rowsOfLastRun(db: Db, id: string): Promise<number | undefined> {
  const { rows } = await sql<{ rows: number | null }>`
    with recursive last as (
      select o.id from ledger.job_calls c
      join ledger.job_calls o on o.job = c.job and o.subject = c.subject and o.params = c.params and o.status = 'succeeded' and o.id < c.id
      where c.id = ${id} order by o.id desc limit 1
    ), tree as (
      select id from last
      union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
    )
    select sum(s.rows_read)::bigint as rows from tree t join ledger.service_calls s on s.job_call_id = t.id`.execute(
    db,
  )
  return rows[0]?.rows || undefined
}
