import { type Selectable, sql } from 'kysely'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'
import type { LedgerRuns } from './schema.generated.ts'

type Named = Pick<JobCall, 'id' | 'job' | 'subject' | 'status'>

/** What a call stands under, the one at the top first. */
export async function listAncestors(
  db: Db,
  { parent_id }: Pick<JobCall, 'parent_id'>,
): Promise<Named[]> {
  const { rows } = await sql<Named>`
    with recursive up as (
      select id, parent_id, job, subject, status, 0 as height from ledger.job_calls where id = ${parent_id}
      union all select c.id, c.parent_id, c.job, c.subject, c.status, height + 1 from ledger.job_calls c join up on c.id = up.parent_id
    ) select id, job, subject, status from up order by height desc`.execute(db)
  return rows
}

/** How many children a call has, by status. */
export async function countChildren(
  db: Db,
  id: string,
): Promise<{ status: string; count: number }[]> {
  return await db
    .selectFrom('ledger.job_calls')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .where('parent_id', '=', id)
    .groupBy('status')
    .orderBy('status')
    .execute()
}

/** How many calls stand under a call, at any depth, and how many of them are over. */
export async function countUnder(db: Db, id: string): Promise<{ all: number; over: number }> {
  const { rows } = await sql<{ all: number; over: number }>`
    with recursive down as (
      select id, finished_at from ledger.job_calls where parent_id = ${id}
      union all select c.id, c.finished_at from ledger.job_calls c join down d on c.parent_id = d.id
    )
    select count(*) as all, count(finished_at) as over from down`.execute(db)
  return rows[0] ?? { all: 0, over: 0 }
}

/** Children with their sums, as `ledger.runs` has them: failed ones first, then what is still open. */
export async function listChildren(
  db: Db,
  id: string,
  most: number,
): Promise<Selectable<LedgerRuns>[]> {
  const { rows } = await sql<Selectable<LedgerRuns>>`
    with chosen as materialized (
      select id from ledger.job_calls where parent_id = ${id}
      order by array_position(array['failed', 'cancelled', 'running', 'waiting', 'queued', 'succeeded'], status), id limit ${most}
    )
    select r.* from ledger.runs r where r.id = any(array(select id from chosen))
    order by array_position(array['failed', 'cancelled', 'running', 'waiting', 'queued', 'succeeded'], status), id`.execute(
    db,
  )
  return rows
}

/** Calls further down than the children that failed by themselves, not for what is under them. */
export async function failedUnder(
  db: Db,
  id: string,
  most: number,
): Promise<{ id: string; job: string; subject: string; message: string }[]> {
  const { rows } = await sql<{ id: string; job: string; subject: string; message: string }>`
    with recursive down as (
      select id, job, subject, status, error from ledger.job_calls
      where parent_id in (select id from ledger.job_calls where parent_id = ${id} and status = 'failed')
      union all
      select c.id, c.job, c.subject, c.status, c.error from ledger.job_calls c join down d on c.parent_id = d.id
    )
    select id, job, subject, error ->> 'message' as message from down
    where status = 'failed' and error ->> 'kind' <> 'children' order by id limit ${most}`.execute(
    db,
  )
  return rows
}
