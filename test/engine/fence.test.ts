import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { giveBack } from '../../src/db/give-back.ts'
import { beat, type Lease, takeUp } from '../../src/db/leases.ts'
import { insertChildren } from '../../src/db/job-calls.ts'
import { listOrphans, rescue } from '../../src/db/orphans.ts'
import { endStream, openStream, openStreams } from '../../src/db/service-calls.ts'
import { settle } from '../../src/db/settle.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { sortPage } from '../../src/etl/sort-page.ts'
import type { Operation } from '../../src/etl/stream.ts'
import { writePages } from '../../src/etl/write-pages.ts'
import { createLog } from '../../src/log.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { callOf, queueCall } from './support/calls.ts'

const fault = { kind: 'upstream', message: 'no' } as const

test('an attempt whose lease another one has taken over can write nothing at all', async () => {
  const database = await createDatabase()
  const { db } = database
  const { first, second } = await takeOver(database)
  const before = await state(database)

  await expect(pageWritten(database, first)).rejects.toMatchObject({ kind: 'lease_lost' })
  const children = [{ job: 'child', subject: '', params: {} }]
  await expect(insertChildren(db, first, children)).rejects.toMatchObject({ kind: 'lease_lost' })
  const { id } = await theStream(database)
  expect(await endStream(db, first, id, newMeter(), { status: 'failed', error: fault })).toBe(false)
  expect(await settle(db, first, { status: 'succeeded', result: {} })).toBeUndefined()
  expect(await settle(db, first, { status: 'failed', error: fault })).toBeUndefined()
  expect(await giveBack(db, first, { status: 'queued' })).toBeUndefined()
  const beats = [{ id: first.call.id, token: first.token, progress: { pages: 99 } }]
  expect(await beat(db, beats, 20)).toEqual([])
  expect(await state(database)).toEqual(before)

  expect(await pageWritten(database, second)).toMatchObject({ read: 1, inserted: 1 })
})

test('a page is written once, also by the attempt that holds the lease', async () => {
  const database = await createDatabase()
  const { second } = await takeOver(database)
  await pageWritten(database, second)
  const before = await state(database)
  // The answer to its commit was lost, so it tries again.
  expect(await pageWritten(database, second)).toMatchObject({ read: 1 })
  expect(await state(database)).toEqual(before)
})

test('a call that succeeds leaves no stream open: what it did without is skipped, and says so', async () => {
  const database = await createDatabase()
  const { second } = await takeOver(database)
  expect(await settle(database.db, second, { status: 'succeeded', result: {} })).toBe('succeeded')
  const streams = await database.db.selectFrom('ledger.service_calls').selectAll().execute()
  expect(streams).toMatchObject([{ status: 'skipped', error: { message: expect.any(String) } }])
})

test('a crash counts; one after a page was written is the first again', async () => {
  const database = await createDatabase()
  const { second } = await takeOver(database)
  expect(second.call.failures).toBe(1)
  expect(await crash(database, second)).toMatchObject({ status: 'queued', failures: 2 })
  const third = await takeUpNow(database, second.call.id)
  await pageWritten(database, third)
  expect(await crash(database, third)).toMatchObject({ status: 'queued', failures: 1 })
})

test('an attempt that was taken over opens no streams', async () => {
  const database = await createDatabase()
  const { first, second } = await takeOver(database)
  const seed = { operation: 'things', subject: 'late', cursor: null }
  await openStreams(database.db, first, 'amocrm', [seed])
  await expect(openStream(database.db, first, 'amocrm', seed)).rejects.toMatchObject({
    kind: 'lease_lost',
  })
  await openStreams(database.db, second, 'amocrm', [{ ...seed, subject: 'in time' }])
  const { rows } = await sql`select subject from ledger.service_calls order by subject`.execute(
    database.db,
  )
  expect(rows).toEqual([{ subject: '' }, { subject: 'in time' }])
})

/** A call with one open stream, whose first attempt was taken for dead. */
async function takeOver(database: TestDatabase) {
  const id = await queueCall(database.db, 'a')
  const first = await takeUpNow(database, id)
  await openStreams(database.db, first, 'amocrm', [
    { operation: 'things', subject: '', cursor: { page: 1 } },
  ])
  expect(await takeUp(database.db, id, { worker: 'other', leaseSeconds: 20 })).toBeUndefined()
  await crash(database, first)
  return { first, second: await takeUpNow(database, id) }
}

async function takeUpNow({ db }: TestDatabase, id: string): Promise<Lease> {
  const lease = await takeUp(db, id, { worker: 'me', leaseSeconds: 20 })
  if (!lease) throw new Error('not free')
  return lease
}

async function crash({ db }: TestDatabase, { call }: Lease) {
  await sql`update ledger.job_calls set lease_expires_at = clock_timestamp() - interval '1 s' where id = ${call.id}`.execute(
    db,
  )
  for (const orphan of await listOrphans(db)) await rescue(db, orphan, 5)
  return await callOf(db, call.id)
}

const things: Operation<{ page: number }, { id: string }> = {
  service: 'amocrm',
  operation: 'things',
  entity: {
    source: 'amocrm',
    entity: 'things',
    idOf: (payload) => String(payload),
    transform: (payload) => ({ row: { id: String(payload) } }),
    load: async () => {},
  },
  extract: async () => ({ records: [], next: null }),
}

/** Writes the first page of the stream under a lease. */
async function pageWritten(database: TestDatabase, lease: Lease) {
  const { signal } = new AbortController()
  const { id } = await theStream(database)
  const deps = { db: database.db, log: createLog('silent'), lease, stopping: signal, signal }
  const [written] = await writePages(deps, things, [
    {
      stream: { id, pages: 0, subject: '' },
      page: { records: ['x'], next: { page: 2 } },
      sorted: await sortPage(things.entity, ['x']),
      requests: newMeter(),
      fetchedAt: new Date(),
    },
  ])
  return written?.counts
}

const theStream = ({ db }: TestDatabase) =>
  db.selectFrom('ledger.service_calls').select('id').executeTakeFirstOrThrow()

async function state({ db }: TestDatabase) {
  return {
    calls: await db.selectFrom('ledger.job_calls').selectAll().execute(),
    streams: await db.selectFrom('ledger.service_calls').selectAll().execute(),
    records: await db.selectFrom('raw.records').selectAll().execute(),
  }
}
