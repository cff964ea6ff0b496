import { sql } from 'kysely'
import type { Db } from './connect.ts'
import { dropOldAtHand } from './pages-at-hand.ts'

/** Ledger months older than this are dropped, where nothing in them is open; what was used per hour goes with them. */
const keepLedger = '400 days'
/** Who repeats a request later than this makes a new one. */
const keepKeys = '30 days'

/** What is of use of a batch that is over: how it went. Its tasks stay: they keep the same content from going out again. */
const keepBatches = '90 days'
/** What a list has shown so far is of use while its call may go on, or another one may adopt its streams. */
const keepMet = '30 days'

/**
 * Makes the next months' partitions and drops those that are too old. Small tables without partitions lose the rows
 * that are too old; a key stays as long as its call is open.
 */
export async function keepHouse(db: Db): Promise<void> {
  await sql`select ledger.ensure_partitions(), ledger.drop_old_partitions(${keepLedger}::interval)`.execute(
    db,
  )
  // What was asked for since ever is still told: a counter of /metrics does not go back.
  await sql`
    with gone as (
      delete from ledger.upstream_hours where hour < clock_timestamp() - ${keepLedger}::interval returning *
    )
    insert into ledger.tallies as t (name, service, n)
    select 'upstream_' || v.name, gone.service, sum(v.n) from gone
    cross join lateral (values ('requests', requests), ('retries', retries), ('rate_limited', rate_limited),
      ('throttled_ms', throttled_ms), ('bytes', bytes), ('credits', credits)) as v (name, n)
    group by v.name, gone.service
    on conflict (name, job, service, label, bucket) do update set n = t.n + excluded.n`.execute(db)
  await sql`delete from ledger.checks where checked_at < clock_timestamp() - ${keepLedger}::interval`.execute(
    db,
  )
  await sql`delete from ledger.incidents where closed_at < clock_timestamp() - ${keepLedger}::interval`.execute(
    db,
  )
  await sql`
    delete from ledger.records_met m where job_call_id < ledger.uuid_v7_floor(clock_timestamp() - ${keepMet}::interval)
      and not exists (select from ledger.job_calls c where c.id = m.job_call_id and c.finished_at is null)`.execute(
    db,
  )
  await dropOldAtHand(db)
  await sql`
    delete from ledger.analysis_batches where finished_at < clock_timestamp() - ${keepBatches}::interval`.execute(
    db,
  )
  await sql`
    delete from ledger.idempotency_keys k where created_at < clock_timestamp() - ${keepKeys}::interval
      and not exists (select from ledger.job_calls c where c.id = k.job_call_id and c.finished_at is null)`.execute(
    db,
  )
}
