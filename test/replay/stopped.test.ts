import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { contacts } from '../../src/etl/extract/amocrm/entities.ts'
import { writeRaw } from '../../src/etl/load/raw-records.ts'
import { sortPage } from '../../src/etl/sort-page.ts'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { emptyTables, rowsOf, succeed } from './support.ts'

test('killed, stopped and typed again, it goes on where it was: every record once', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 2600 })
  await succeed(database, 'crm-contacts', {}, sandbox.env)
  const before = await rowsOf(db, 'amocrm')
  await emptyTables(db, 'amocrm')
  await slowly(db)
  const env = { DATABASE_URL: database.url, LEASE_SECONDS: '2' }
  const start = () => startProgram('src/cli/job.ts', ['replay'], env)
  const untilPages = (pages: number) =>
    until(`${pages} pages`, async () => (await streamsOf(db)).pages >= pages)

  const first = start()
  await untilPages(1)
  first.child.kill('SIGKILL')
  await first.exited
  const halfWay = (await db.selectFrom('contacts').select('external_id').execute()).length
  expect(halfWay).toBeGreaterThan(0)
  expect(halfWay).toBeLessThan(2600)

  const second = start()
  await untilPages(3)
  second.child.kill('SIGINT')
  expect([await second.exited, second.output()]).toEqual([
    130,
    expect.stringContaining('taking up'),
  ])

  const third = start()
  expect([await third.exited, third.output()]).toEqual([0, expect.stringContaining('taking up')])
  expect(await rowsOf(db, 'amocrm')).toEqual(before)
  const { rows } = await sql<{
    records: number
  }>`select count(*) as records from raw.records`.execute(db)
  expect((await streamsOf(db)).read).toBe(rows[0]?.records)
}, 120_000)

test.each(['that is being written', 'that was read ahead'])(
  'a record of a page %s is fetched again: the later content stays',
  async (which) => {
    const database = await createDatabase()
    const { db } = database
    const sandbox = await startTestSandbox({ contacts: 600, companies: 2 })
    await succeed(database, 'crm-contacts', {}, sandbox.env)
    const { rows: ends } = await sql<{ first: string; last: string }>`
      select min(external_id) as first, max(external_id) as last from contacts`.execute(db)
    const { first = '', last = '' } = ends[0] ?? {}
    await emptyTables(db, 'amocrm')

    // The first page waits in the middle of its transaction, while the second one has been read.
    const id = which === 'that was read ahead' ? last : first
    await db.connection().execute(async (held) => {
      await waitAt(held, first)
      const replay = succeed(database, 'replay')
      await until('a page is being written', () => isWaiting(db, 'advisory'))
      const again = fetchAgain(db, id)
      if (id === last) await again
      else await until('it waits for the row', () => isWaiting(db, 'transactionid'))
      await sql`select pg_advisory_unlock_all()`.execute(held)
      await replay
      await again
    })
    const { rows } = await sql<{ name: string; raw: string }>`
      select c.name, r.payload ->> 'name' as raw from contacts c
      join raw.records r on r.entity = 'contacts' and r.external_id = c.external_id where c.external_id = ${id}`.execute(
      db,
    )
    expect(rows).toEqual([{ name: 'Fetched later', raw: 'Fetched later' }])
    expect(await db.selectFrom('contacts').select('name').execute()).toHaveLength(600)
  },
)

/** Writes a contact as a page of another process does. */
async function fetchAgain(db: Db, id: string): Promise<void> {
  const stored = await db
    .selectFrom('raw.records')
    .select(['payload', 'service_call_id'])
    .where('entity', '=', 'contacts')
    .where('external_id', '=', id)
    .executeTakeFirstOrThrow()
  const payload = { ...(stored.payload as object), name: 'Fetched later' }
  const { raw, transformed } = await sortPage(contacts, [payload])
  const { good } = await transformed()
  const whence = { serviceCallId: stored.service_call_id, fetchedAt: new Date() }
  await db.transaction().execute(async (trx) => {
    await writeRaw(
      trx,
      raw.map((record) => ({ ...record, ...whence })),
      contacts,
    )
    await contacts.load(
      trx,
      good.map(({ row }) => ({ ...row, service_call_id: stored.service_call_id })),
    )
  })
}

async function streamsOf(db: Db): Promise<{ pages: number; read: number }> {
  const { rows } = await sql<{ pages: number; read: number }>`
    select coalesce(sum(pages), 0)::bigint as pages, coalesce(sum(rows_read), 0)::bigint as read
    from ledger.service_calls where operation like 'replay.%'`.execute(db)
  return rows[0] ?? { pages: 0, read: 0 }
}

/** Makes each page of contacts take a while. */
async function slowly(db: Db): Promise<void> {
  await sql`create function pause() returns trigger language plpgsql as $$ begin perform pg_sleep(0.15); return null; end $$`.execute(
    db,
  )
  await sql`create trigger pause after insert on contacts for each statement execute function pause()`.execute(
    db,
  )
}

/** Whoever inserts this contact waits until the lock that is held here is let go. */
async function waitAt(held: Db, id: string): Promise<void> {
  await sql`select pg_advisory_lock(4711)`.execute(held)
  await sql`create function wait() returns trigger language plpgsql as $$ begin perform pg_advisory_xact_lock(4711); return new; end $$`.execute(
    held,
  )
  await sql`
    create trigger wait before insert on contacts for each row when (new.external_id = ${sql.lit(id)})
    execute function wait()`.execute(held)
}

async function isWaiting(db: Db, locktype: string): Promise<boolean> {
  const { rows } = await sql`
    select from pg_locks l join pg_stat_activity a using (pid)
    where not l.granted and l.locktype = ${locktype} and a.datname = current_database()`.execute(db)
  return rows.length > 0
}
