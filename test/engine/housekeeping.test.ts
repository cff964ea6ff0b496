import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { keepHouse } from '../../src/db/keep-house.ts'
import { noteMet } from '../../src/db/records-met.ts'
import { settleForgottenParents, wakeForgotten } from '../../src/db/orphans.ts'
import { insertTicks } from '../../src/db/ticks.ts'
import { addWakeUps } from '../../src/db/wake-up.ts'
import { buryDeadWorkers, heartbeat } from '../../src/db/workers.ts'
import { createDatabase } from '../support/database.ts'
import { callOf, queueCall } from './support/calls.ts'

test('wake-ups of calls and ticks that got lost, failed for good or are locked by nobody alive come back', async () => {
  const { db } = await createDatabase()
  const ids = [await queueCall(db, 'a', {}, '1'), await queueCall(db, 'a', {}, '2')]
  ids.push(await queueCall(db, 'a', {}, '3'), await queueCall(db, 'a', {}, 'well'))
  await db.transaction().execute((trx) => insertTicks(trx, 'a', [new Date('2026-03-01T01:00:00Z')]))
  await sql`update ledger.job_calls set queued_at = queued_at - interval '2 minutes'`.execute(db)
  await sql`update ledger.ticks set queued_at = queued_at - interval '2 minutes'`.execute(db)
  const jobs = sql.table('graphile_worker._private_jobs')
  const [lost, failed, locked] = ids.map((id) => `call:${id}`)
  await sql`delete from ${jobs} where key = ${lost} or key like 'tick:%'`.execute(db)
  await sql`update ${jobs} set attempts = max_attempts where key = ${failed}`.execute(db)
  await sql`update ${jobs} set locked_at = now(), locked_by = 'nobody' where key = ${locked}`.execute(
    db,
  )
  expect(await wakeForgotten(db)).toBe(4)
  const { rows } = await sql<{ key: string }>`
    select key from graphile_worker.jobs where locked_by is null and attempts < max_attempts`.execute(
    db,
  )
  const wanted = [...ids.map((id) => `call:${id}`), 'tick:a:2026-03-01T01:00:00.000Z']
  expect(new Set(rows.map(({ key }) => key))).toEqual(new Set(wanted))
  expect(await wakeForgotten(db)).toBe(0)
})

test('the queue rows of a dead worker are unlocked, those of a live one are not', async () => {
  const { db } = await createDatabase()
  const worker = { host: 'here', pid: 1, roles: ['worker'], concurrency: 1 }
  await heartbeat(db, { ...worker, id: 'dead', poolId: 'pool-of-dead' })
  await heartbeat(db, { ...worker, id: 'alive', poolId: 'pool-of-alive' })
  await sql`update ledger.workers set heartbeat_at = heartbeat_at - interval '1 minute' where id = 'dead'`.execute(
    db,
  )
  const [first, second] = [await queueCall(db, 'a', {}, '1'), await queueCall(db, 'a', {}, '2')]
  const lock = (id: string, pool: string) =>
    sql`update graphile_worker._private_jobs set locked_at = now(), locked_by = ${pool}, attempts = 1 where key = ${`call:${id}`}`.execute(
      db,
    )
  await lock(first, 'pool-of-dead')
  await lock(second, 'pool-of-alive')
  // Its call was rescued meanwhile: the old row is spent.
  await addWakeUps(db, [{ jobCallId: first }])
  expect(await buryDeadWorkers(db, 20)).toEqual(['dead'])
  expect(await buryDeadWorkers(db, 20)).toEqual([])
  const { rows } = await sql`
    select key, locked_by from graphile_worker.jobs order by id`.execute(db)
  expect(rows).toEqual([
    { key: `call:${second}`, locked_by: 'pool-of-alive' },
    { key: `call:${first}`, locked_by: null },
  ])
})

test('a parent that nobody settled is settled', async () => {
  const { db } = await createDatabase()
  const id = await queueCall(db, 'parent')
  await sql`update ledger.job_calls set status = 'waiting', attempt = 1, started_at = now(), result = '{}' where id = ${id}`.execute(
    db,
  )
  await sql`
    insert into ledger.job_calls (job, trigger, parent_id, root_id, status, finished_at, error)
    select 'child', 'job', ${id}, ${id}, status, now(), '{"kind": "bug"}'
    from unnest(array['succeeded', 'failed']) as status`.execute(db)
  await settleForgottenParents(db)
  expect(await callOf(db, id)).toMatchObject({
    status: 'failed',
    error: { kind: 'children', message: '1 of 2 child calls failed' },
  })
})

test('rows that came while a month had no partition move into it', async () => {
  const { db } = await createDatabase()
  await sql`select ledger.ensure_partitions(3)`.execute(db)
  const month = await monthAhead(db, 5)
  const call = await insertAt(db, `${month.slice(0, 4)}-${month.slice(5)}-15`)
  const where = async () => {
    const { rows } = await sql<{ table: string }>`
      select tableoid::regclass::text as table from ledger.job_calls where id = ${call}
      union all select tableoid::regclass::text from ledger.service_calls where job_call_id = ${call}`.execute(
      db,
    )
    return rows.map(({ table }) => table)
  }
  expect(await where()).toEqual(['ledger.job_calls_default', 'ledger.service_calls_default'])
  await sql`select ledger.ensure_partitions(6)`.execute(db)
  expect(await where()).toEqual([`ledger.job_calls_${month}`, `ledger.service_calls_${month}`])
  expect((await callOf(db, call)).job).toBe('a')
})

test('retention drops whole months, but none in which something is open', async () => {
  const { db } = await createDatabase()
  for (const month of ['2024_01', '2024_02']) await makePartition(db, month)
  const over = await insertAt(db, '2024-01-10')
  const open = await insertAt(db, '2024-02-10')
  await sql`update ledger.job_calls set status = 'succeeded', finished_at = now() where id = ${over}`.execute(
    db,
  )
  const drop = async () => {
    const { rows } = await sql<{ dropped: string[] }>`
      select ledger.drop_old_partitions('400 days') as dropped`.execute(db)
    return rows[0]?.dropped
  }
  expect(await drop()).toEqual(['2024_01'])
  expect((await callOf(db, open)).status).toBe('queued')
  await sql`update ledger.job_calls set status = 'succeeded', finished_at = now() where id = ${open}`.execute(
    db,
  )
  expect(await drop()).toEqual(['2024_02'])
  expect(await drop()).toEqual([])
})

test('what was used per hour goes with its month, a key after thirty days, unless its call is open', async () => {
  const { db } = await createDatabase()
  const open = await queueCall(db, 'a')
  await sql`insert into ledger.upstream_hours (service, hour, worker)
    select 'amocrm', now() - make_interval(days => days), 'w' || days from unnest(array[1, 399, 401]) as days`.execute(
    db,
  )
  await sql`insert into ledger.idempotency_keys (key, request_hash, job_call_id, created_at)
    values ('old', '', gen_random_uuid(), now() - interval '31 days'), ('old and open', '', ${open}, now() - interval '31 days'),
      ('young', '', gen_random_uuid(), now() - interval '29 days')`.execute(db)
  await keepHouse(db)
  const hours = await db.selectFrom('ledger.upstream_hours').select('worker').execute()
  expect(hours.map(({ worker }) => worker).toSorted()).toEqual(['w1', 'w399'])
  const keys = await db.selectFrom('ledger.idempotency_keys').select('key').execute()
  expect(keys.map(({ key }) => key).toSorted()).toEqual(['old and open', 'young'])
})

test('what a list had shown goes thirty days after its call was made, unless that is open', async () => {
  const { db } = await createDatabase()
  const [over, open, young] = [
    await insertAt(db, daysAgo(31)),
    await insertAt(db, daysAgo(31)),
    await insertAt(db, daysAgo(29)),
  ]
  await sql`update ledger.job_calls set status = 'succeeded', finished_at = now() where id <> ${open}`.execute(
    db,
  )
  for (const id of [over, open, young])
    await db.transaction().execute((trx) => noteMet(trx, id, 'posts', ['1', '2']))
  await keepHouse(db)
  const met = await db.selectFrom('ledger.records_met').select('job_call_id').distinct().execute()
  expect(met.map((row) => row.job_call_id).toSorted()).toEqual([open, young].toSorted())
})

test('the database refuses states that cannot be', async () => {
  const { db } = await createDatabase()
  const id = await queueCall(db, 'a')
  const calls: [string, string][] = [
    ["status = 'succeeded'", 'finished_exactly_when_final'],
    ['finished_at = now()', 'finished_exactly_when_final'],
    ["status = 'running'", 'leased_exactly_when_running'],
    ['lease_token = gen_random_uuid(), lease_expires_at = now()', 'leased_exactly_when_running'],
    ['lease_expires_at = now()', 'lease_has_an_end'],
    ['attempt = 1', 'started_when_attempted'],
    ["status = 'failed', finished_at = now()", 'failed_with_an_error'],
    ['cancel_requested_at = now()', 'cancel_names_who'],
    ["trigger = 'job'", 'child_has_trigger_job'],
    ["status = 'sleeping'", 'status_is_known'],
  ]
  for (const [set, constraint] of calls) {
    const update = sql`update ledger.job_calls set ${sql.raw(set)} where id = ${id}`
    await expect(update.execute(db)).rejects.toThrow(constraint)
  }
  await sql`insert into ledger.service_calls (job_call_id, service, operation) values (${id}, 'amocrm', 'x')`.execute(
    db,
  )
  const streams: [string, string][] = [
    ["status = 'done'", 'finished_exactly_when_not_open'],
    ['rows_read = 1', 'every_row_read_is_accounted_for'],
    ["status = 'failed', finished_at = now()", 'failed_with_an_error'],
    ["service = 'hubspot'", 'service_is_known'],
  ]
  for (const [set, constraint] of streams) {
    const update = sql`update ledger.service_calls set ${sql.raw(set)}`
    await expect(update.execute(db)).rejects.toThrow(constraint)
  }
  const again = sql`insert into ledger.service_calls (job_call_id, service, operation) values (${id}, 'amocrm', 'x')`
  await expect(again.execute(db)).rejects.toThrow('unique')
  const tick = sql`insert into ledger.ticks (job, scheduled_for, job_call_id, skipped_reason) values ('a', now(), ${id}, 'why')`
  await expect(tick.execute(db)).rejects.toThrow('opened_or_skipped')
})

const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString()

/** `2027_03`, so many months ahead. */
async function monthAhead(db: Db, months: number): Promise<string> {
  const { rows } = await sql<{ month: string }>`
    select to_char(now() at time zone 'UTC' + make_interval(months => ${months}), 'YYYY_MM') as month`.execute(
    db,
  )
  return rows[0]?.month ?? ''
}

/** A queued call with a stream, as if made on that day. */
async function insertAt(db: Db, day: string): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with new_id as (
      select overlay(ledger.uuid_v7()::text placing left(ledger.uuid_v7_floor(${day}::timestamptz)::text, 13) from 1)::uuid as id
    ), stream as (
      insert into ledger.service_calls (job_call_id, service, operation) select id, 'amocrm', 'contacts' from new_id
    )
    insert into ledger.job_calls (id, root_id, job, trigger) select id, id, 'a', 'http' from new_id returning id`.execute(
    db,
  )
  return rows[0]?.id ?? ''
}

async function makePartition(db: Db, month: string): Promise<void> {
  const first = `${month.slice(0, 4)}-${month.slice(5)}-01`
  for (const table of ['job_calls', 'service_calls']) {
    const { rows } = await sql<{ low: string; high: string }>`
      select ledger.uuid_v7_floor(${first}::timestamptz) as low, ledger.uuid_v7_floor(${first}::timestamptz + interval '1 month') as high`.execute(
      db,
    )
    const { low, high } = rows[0] ?? { low: '', high: '' }
    await sql`create table ${sql.table(`ledger.${table}_${month}`)} partition of ${sql.table(`ledger.${table}`)} for values from (${sql.lit(low)}) to (${sql.lit(high)})`.execute(
      db,
    )
  }
}
