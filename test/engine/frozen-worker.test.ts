import { type RawBuilder, sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import type { Program } from '../support/program.ts'
import { until } from '../support/until.ts'
import { leftOver, nothing, queueCall, untilCall, untilStatus } from './support/calls.ts'
import { contentOf, insertedMinusStored, startCrmWorld } from './support/crm-world.ts'
import { startWorkerProcess, stopGently } from './support/workers.ts'

/** LEASE_SECONDS + 10 s, which the README promises. */
const takeoverMs = 12_000

test('a worker frozen beyond its lease writes nothing when it wakes', async () => {
  const { database, first, second, id, undisturbed } = await startRun()
  await untilPages(database.db, 3)
  const ms = await freezeUntilTakenOver(database.db, first, second, id)
  expect(ms).toBeLessThan(takeoverMs)
  console.log(`frozen between pages: taken over after ${(ms / 1000).toFixed(1)} s`)
  await expectNothingWritten(database.db, first, id)
  await expectUndisturbed(database.db, undisturbed)
  for (const worker of [first, second()]) expect((await stopGently(worker)).code).toBe(0)
}, 60_000)

test('a worker frozen at the beginning of its page transaction holds nobody up', async () => {
  const held = sql`lock table raw.records in share mode`
  expect(await freezeInTransaction(held, 'insert into raw.records')).toBeLessThan(takeoverMs)
}, 90_000)

test('a worker frozen in the last statement of its page transaction holds nobody up', async () => {
  const held = sql`select from ledger.service_calls where operation = 'contacts' for update`
  expect(await freezeInTransaction(held, 'with fence as')).toBeLessThan(takeoverMs)
}, 90_000)

async function startRun() {
  const world = await startCrmWorld({ contacts: 3000, latencyMs: 60, perSecond: 6 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const env = { ...world.envOf(database), LOG_LEVEL: 'info' }
  const id = await queueCall(database.db, 'crm-contacts')
  const first = startWorkerProcess(env)
  let other: Program | undefined
  return {
    database,
    undisturbed,
    id,
    first,
    second: () => (other ??= startWorkerProcess(env)),
  }
}

/** Blocks the first worker inside a page transaction, freezes it there, and lets go of the block. */
async function freezeInTransaction(block: RawBuilder<unknown>, statement: string): Promise<number> {
  const { database, first, second, id, undisturbed } = await startRun()
  await untilPages(database.db, 2)
  await database.db.transaction().execute(async (trx) => {
    await block.execute(trx)
    await untilBlocked(database, statement)
    first.child.kill('SIGSTOP')
  })
  const ms = await freezeUntilTakenOver(database.db, first, second, id)
  console.log(`frozen in "${statement}": taken over after ${(ms / 1000).toFixed(1)} s`)
  await expectNothingWritten(database.db, first, id)
  await expectUndisturbed(database.db, undisturbed)
  for (const worker of [first, second()]) expect((await stopGently(worker)).code).toBe(0)
  return ms
}

async function freezeUntilTakenOver(db: Db, first: Program, second: () => Program, id: string) {
  first.child.kill('SIGSTOP')
  const frozenAt = performance.now()
  second()
  await untilCall(db, id, 'another attempt runs', (call) => call.attempt === 2, takeoverMs)
  const ms = performance.now() - frozenAt
  await untilStatus(db, id, 'succeeded', 40_000)
  return ms
}

/** Wakes the frozen worker and lets its attempt end: no version of any row may be another one afterwards. */
async function expectNothingWritten(db: Db, worker: Program, id: string): Promise<void> {
  await untilCall(db, id, 'its checks have run', (call) => call.checked_at !== null)
  const before = await versions(db)
  worker.child.kill('SIGCONT')
  await until('the attempt of the frozen worker ends', () =>
    worker.output().includes('"outcome":"lease lost"'),
  )
  expect(await versions(db)).toEqual(before)
  const { rows } = await sql<{
    strangers: number
  }>`select count(*) as strangers from raw.records r where not exists (select from ledger.service_calls s where s.id = r.service_call_id and s.job_call_id = ${id})`.execute(
    db,
  )
  expect(rows).toEqual([{ strangers: 0 }])
}

async function versions(db: Db) {
  const tables = [
    'raw.records',
    'public.companies',
    'public.contacts',
    'public.contact_channels',
    'ledger.job_calls',
    'ledger.service_calls',
    'ledger.watermarks',
    'ledger.rejects',
  ]
  const found: Record<string, unknown> = {}
  for (const table of tables) {
    const { rows } = await sql`
      select count(*) as rows, md5(string_agg(tableoid || ' ' || ctid::text || ' ' || xmin::text, ',' order by tableoid, ctid)) as versions from ${sql.table(table)}`.execute(
      db,
    )
    found[table] = rows[0]
  }
  return found
}

async function expectUndisturbed(db: Db, undisturbed: { content: unknown }): Promise<void> {
  expect(await contentOf(db)).toEqual(undisturbed.content)
  expect(await insertedMinusStored(db)).toBe(0)
  expect({ ...(await leftOver(db)), wakeUps: 0 }).toEqual(nothing)
}

async function untilPages(db: Db, pages: number): Promise<void> {
  await until(`${pages} pages of contacts are written`, async () => {
    const { rows } = await sql<{
      pages: number
    }>`select coalesce(sum(pages), 0)::int as pages from ledger.service_calls where operation = 'contacts'`.execute(
      db,
    )
    return (rows[0]?.pages ?? 0) >= pages
  })
}

async function untilBlocked({ pool }: TestDatabase, statement: string): Promise<void> {
  await until(`a page transaction is blocked in "${statement}"`, async () => {
    const { rows } = await pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query ilike '%' || $1 || '%'`,
      [statement],
    )
    return rows.length > 0
  })
}
