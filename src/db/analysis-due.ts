import { sql } from 'kysely'
import type { AnalysisServiceName } from './analysis-batches.ts'
import { heldUp } from './analysis-sending.ts'
import type { Db } from './connect.ts'

/**
 * When there is something to hand over or to ask for, in ms from now by the database's clock, below 0 where it is due; undefined: nothing
 * is out. Of accounts that are shut out nothing is due.
 */
export async function nextAnalysisMs(
  db: Db,
  accounts: readonly { service: AnalysisServiceName; account: string }[],
): Promise<number | undefined> {
  const { rows } = await sql<{ ms: number | null }>`
    select extract(epoch from min(due) - clock_timestamp())::float8 * 1000 as ms
    from jsonb_to_recordset(${JSON.stringify(accounts)}::jsonb) as s (service text, account text)
    cross join lateral (
      -- What another call is at is not due, unless that call has died.
      select min(due_at) as due from ledger.analysis_batches b
      where b.service = s.service and b.finished_at is null and not exists (
        select from ledger.job_calls c where c.id = b.holder_call_id and c.lease_token = b.held_by and c.lease_expires_at > clock_timestamp())
      union all
      select min(t.due_at) from unnest(case s.service when 'text-ml' then '{text}'::text[] else '{image,video}' end) as k (kind)
      cross join lateral (
        select t.due_at from ledger.analysis_tasks t
        where t.kind = k.kind and t.status = 'waiting' and t.batch_id is null and t.fresh_address is distinct from 'wanted'
        order by t.due_at limit 1
      ) t
      where not ${heldUp(sql.ref('s.service'))}
      union all
      select min(due_at) from ledger.analysis_tasks t where t.service = s.service and t.fresh_address = 'wanted' and t.finished_at is null
    ) d
    where not exists (select from ledger.breakers k where k.service = s.service and k.account = s.account)`.execute(
    db,
  )
  return rows[0]?.ms ?? undefined
}

/** In how many ms the next batch is to be asked for; undefined where none is out. */
export async function nextPollMs(
  db: Db,
  service: AnalysisServiceName,
): Promise<number | undefined> {
  const { rows } = await sql<{ inMs: number }>`
    select extract(epoch from due_at - clock_timestamp())::float8 * 1000 as "inMs"
    from ledger.analysis_batches where service = ${service} and status = 'out' and finished_at is null
    order by due_at limit 1`.execute(db)
  return rows[0]?.inMs
}

/** What is out of a call and all under it. */
export async function countAnalysisOpen(db: Db, rootId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ledger.analysis_tasks where root_call_id = ${rootId} and finished_at is null`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** Ends tasks of kinds that their service does not take, with the reason. Answers how many. */
export async function skipTasks(db: Db, kind: string, reason: string): Promise<number> {
  const { numAffectedRows = 0n } = await sql`
    update ledger.analysis_tasks set status = 'skipped', finished_at = clock_timestamp(),
      error = ${JSON.stringify({ kind: 'skipped', message: reason })}::jsonb
    where kind = ${kind} and status = 'waiting' and batch_id is null and fresh_address is distinct from 'wanted'`.execute(
    db,
  )
  return Number(numAffectedRows)
}

/** Has those wait again that were skipped as of kinds which their service takes by now. */
export async function unskipTasks(db: Db, kinds: readonly string[]): Promise<void> {
  await sql`
    update ledger.analysis_tasks set status = 'waiting', finished_at = null, error = null, batch_id = null, due_at = clock_timestamp()
    where kind = any(${kinds}::text[]) and status = 'skipped'`.execute(db)
}

/** Has what waits of a kind wait on: half a minute, or as long as it has waited already, to a quarter of an hour. */
export async function putOff(db: Db, kind: string): Promise<void> {
  await sql`
    update ledger.analysis_tasks
    set due_at = clock_timestamp() + least(interval '15 minutes', greatest(interval '30 seconds', clock_timestamp() - created_at))
    where kind = ${kind} and status = 'waiting' and batch_id is null and fresh_address is distinct from 'wanted'
      and due_at <= clock_timestamp()`.execute(db)
}

/** Of these kinds, those of which something may be handed over now. */
export async function waitingKinds<Kind extends string>(
  db: Db,
  kinds: readonly Kind[],
): Promise<Kind[]> {
  const { rows } = await sql<{ kind: Kind }>`
    select kind from unnest(${kinds}::text[]) as k (kind)
    where exists (
      select from ledger.analysis_tasks t
      where t.kind = k.kind and t.status = 'waiting' and t.batch_id is null and t.fresh_address is distinct from 'wanted'
        and t.due_at <= clock_timestamp())`.execute(db)
  return rows.map(({ kind }) => kind)
}
