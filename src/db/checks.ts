import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

export interface CheckRow {
  name: string
  title: string
  status: 'passed' | 'failed' | 'unknown' | 'broken'
  found: string
}

export interface CallToCheck {
  id: string
  job: string
  finished_at: Date
}

/**
 * Of each job the call that ended last, where its checks have not run since: of calls of the whole (subject '') that
 * succeeded, or failed in parts only. One that another followed before anybody looked is left out, since checks look at the
 * tables as they are now.
 */
export async function listCallsToCheck(
  db: Db | Transaction<DB>,
  jobs: readonly string[],
): Promise<CallToCheck[]> {
  const { rows } = await sql<CallToCheck>`
    select c.id, c.job, c.finished_at from unnest(${jobs}::text[]) as j (job)
    cross join lateral (
      select * from ledger.job_calls
      where job = j.job and subject = '' and parent_id is null and finished_at is not null and status <> 'cancelled'
      order by id desc limit 1
    ) c
    where (c.status = 'succeeded' or c.error ->> 'kind' in ('streams', 'children'))
      and (c.checked_at is null or c.checked_at < c.finished_at) and c.finished_at > clock_timestamp() - interval '1 day'`.execute(
    db,
  )
  return rows
}

/**
 * Locks a call for its checks until the transaction ends. False: another process runs them, or has run them meanwhile.
 * An advisory lock, since the call's own row must stay free for whoever resumes it.
 */
export async function lockForChecks(trx: Transaction<DB>, { id }: CallToCheck): Promise<boolean> {
  const { rows } = await sql<{ locked: boolean }>`
    select pg_try_advisory_xact_lock(hashtextextended(${`checks of ${id}`}, 0)) as locked`.execute(
    trx,
  )
  if (!rows[0]?.locked) return false
  const due = await sql`
    select from ledger.job_calls
    where id = ${id} and finished_at is not null and (checked_at is null or checked_at < finished_at)`.execute(
    trx,
  )
  return due.rows.length > 0
}

/** Notes what the checks of a call found, in place of what they found before, and marks the call. */
export async function writeChecks(
  trx: Transaction<DB>,
  { id, job }: CallToCheck,
  found: readonly CheckRow[],
): Promise<void> {
  const failed = found.filter(({ status }) => status === 'failed' || status === 'broken').length
  await sql`delete from ledger.checks where job_call_id = ${id}`.execute(trx)
  await sql`
    insert into ledger.checks (job_call_id, job, name, title, status, found)
    select ${id}, ${job}, f.name, f.title, f.status, f.found
    from jsonb_to_recordset(${JSON.stringify(found)}::jsonb) as f (name text, title text, status text, found text)`.execute(
    trx,
  )
  await sql`
    update ledger.job_calls set checked_at = clock_timestamp(), checks_failed = ${failed} where id = ${id}`.execute(
    trx,
  )
}
