import { sql } from 'kysely'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'

export interface TreeState {
  /** Calls to take up now, the oldest first, at most as many as asked for. */
  due: string[]
  /** Nothing is running or queued: what is left waits for a time (or for those that do). */
  allParked: boolean
}

/** What there is to do of a call and all under it. */
export async function lookAtTree(
  db: Db,
  top: Pick<JobCall, 'id' | 'root_id'>,
  limit: number,
): Promise<TreeState> {
  // Below a root, the tree is known by its index; below another call, it is walked.
  const inTree =
    top.id === top.root_id
      ? sql`true`
      : sql`id in (
          with recursive tree as (
            select ${top.id}::uuid as id
            union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id where c.finished_at is null
          )
          select id from tree)`
  const { rows } = await sql<{ id: string | null; going: boolean }>`
    with open as not materialized (
      select id, status, next_attempt_at, cancel_requested_at from ledger.job_calls
      where root_id = ${top.root_id} and finished_at is null and ${inTree}
    ), due as (
      select id from open
      where cancel_requested_at is null
        and (status = 'queued' and coalesce(next_attempt_at, '-infinity') <= clock_timestamp()
          or status = 'waiting' and next_attempt_at <= clock_timestamp())
      order by id limit ${limit}
    )
    select due.id, g.going from (
      select exists (select from open where status in ('queued', 'running')) or exists (select from due) as going
    ) g left join due on true`.execute(db)
  return {
    due: rows.flatMap(({ id }) => (id === null ? [] : [id])),
    allParked: rows[0]?.going === false,
  }
}
