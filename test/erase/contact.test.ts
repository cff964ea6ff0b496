import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { erasePerson } from '../../src/erase/erase-person.ts'
import { findPerson, type Person } from '../../src/erase/find-person.ts'
import { openErasure } from '../../src/erase/tombstones.ts'
import { writeRaw } from '../../src/etl/load/raw-records.ts'
import { insertJobCalls } from '../../src/db/job-calls.ts'
import { createLog } from '../../src/log.ts'
import { createDatabase } from '../support/database.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { succeed } from '../replay/support.ts'
import { until } from '../support/until.ts'
import { erase, everything, whereIs } from './support.ts'

test('a contact goes from everywhere, and neither a whole sync nor a replay brings them back', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 60, companies: 6 })
  const env = { DATABASE_URL: database.url }
  const sync = async (params: object) =>
    await succeed(database, 'crm-contacts', { notes: true, ...params }, sandbox.env)
  await sync({})
  // The first one of a company, with a channel and a note, who then comes so that they are refused.
  const { rows } = await sql<{ id: string; name: string; company: string }>`
    select external_id as id, name, company_external_id as company from public.contacts c
    where external_id in (select contact_external_id from public.contact_notes)
      and external_id in (select contact_external_id from public.contact_channels)
      and external_id = (select min(external_id) from public.contacts o where o.company_external_id = c.company_external_id)
      and (select count(*) from public.contacts o where o.name = c.name) = 1 order by 1 limit 1`.execute(
    db,
  )
  const { id = '', name = '', company } = rows[0] ?? {}
  const badRecord = { kind: 'badRecord', times: null, ids: [Number(id)], how: 'nameNumber' }
  await sandbox.admin('POST', '/amocrm/faults', [badRecord])
  const ofCompany = { companyIds: [Number(company)], maxAgeMinutes: 0 }
  await sync(ofCompany)
  await sandbox.admin('DELETE', '/amocrm/faults')
  // A page that came and was not written, since its process was killed.
  await sql`insert into ledger.pages_at_hand (service_call_id, page, cursor, content, asked_at)
    select gen_random_uuid(), 0, 'null', payload::text, now() from raw.records where external_id = ${id} limit 1`.execute(
    db,
  )
  const before = await whereIs(db, [id, name])
  expect(Object.keys(before)).toEqual(
    expect.arrayContaining([
      'public.contacts',
      'public.contact_channels',
      'public.contact_notes',
      'raw.records',
      'ledger.rejects',
      'ledger.service_calls',
      'ledger.pages_at_hand',
    ]),
  )
  const others = await sql<{ n: number }>`select count(*) as n from public.contacts`.execute(db)

  const state = await everything(db)
  const tried = await erase(env, 'contact', id, '--dry-run')
  expect(tried.output).toContain('would be erased; nothing was changed')
  expect((await everything(db)) === state).toBe(true)

  const erased = await erase(env, 'contact', id)
  expect(erased).toMatchObject({ code: 0 })
  expect(erased.stdout.split('\n').slice(1)).toEqual(tried.stdout.split('\n').slice(1))
  expect(await whereIs(db, [id, name])).toEqual({})

  await sync({ full: true })
  await sync(ofCompany)
  await succeed(database, 'replay', { source: 'amocrm' }, sandbox.env)
  expect(await whereIs(db, [id, name])).toEqual({})
  const left = await sql<{ n: number }>`select count(*) as n from public.contacts`.execute(db)
  expect(left.rows[0]?.n).toBe((others.rows[0]?.n ?? 0) - 1)

  const noted = await db.selectFrom('ledger.erasures').selectAll().execute()
  expect(noted).toMatchObject([
    { kind: 'contact', asked_by: expect.stringContaining('@'), finished_at: expect.any(Date) },
  ])
  expect(noted[0]?.counts).toMatchObject({ 'public.contacts': { deleted: 1 } })
}, 60_000)

test('who is not known is said in one line, with the exit code for wrong input', async () => {
  const { url, db } = await createDatabase()
  for (const kind of ['profile', 'lead'] as const)
    await expect(findPerson(db, kind, '999')).rejects.toThrow(`no ${kind} 999 is stored here`)
  const { code, output } = await erase({ DATABASE_URL: url }, 'contact', '999')
  expect({ code, output }).toEqual({
    code: 2,
    output: 'no contact 999 is stored here\nits id in amocrm was expected\n',
  })
  expect(await db.selectFrom('ledger.erasures').selectAll().execute()).toEqual([])
}, 60_000)

test('killed between the tombstones and the rows, the same command goes on under the same number', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 20, companies: 2 })
  await succeed(database, 'crm-contacts', {}, sandbox.env)
  const { external_id: id } = await db
    .selectFrom('contacts')
    .select('external_id')
    .limit(1)
    .executeTakeFirstOrThrow()
  const person = await findPerson(db, 'contact', id)
  const begun = await openErasure(db, person, 'who was killed')
  expect((await db.selectFrom('contacts').selectAll().execute()).length).toBe(20)
  const done = await erasePerson(
    { db, log: createLog('silent'), files: undefined },
    person,
    'other',
  )
  expect(done).toMatchObject({ erasureId: begun, rows: { 'public.contacts': { deleted: 1 } } })
  expect(await whereIs(db, [id])).toEqual({})
  expect(await db.selectFrom('ledger.erasures').selectAll().execute()).toMatchObject([
    { asked_by: 'who was killed', finished_at: expect.any(Date) },
  ])
  // Asked once more, there is nothing left to do.
  const again = await findPerson(db, 'contact', id)
  const { rows } = await erasePerson(
    { db, log: createLog('silent'), files: undefined },
    again,
    'other',
  )
  expect(rows).toEqual({})
}, 60_000)

test('a page that is being written holds the erasure up, and goes with it', async () => {
  const { db } = await createDatabase()
  const lead = { source: 'apollo', entity: 'people' }
  const record = { id: 'a1', json: '{"id":"a1"}', hash: '00', serviceCallId: randomUUID() }
  const written = Promise.withResolvers<void>()
  const commit = Promise.withResolvers<void>()
  const page = db.transaction().execute(async (trx) => {
    await writeRaw(trx, [{ ...record, fetchedAt: new Date() }], lead)
    written.resolve()
    await commit.promise
  })
  await written.promise
  const person: Person = {
    kind: 'lead',
    source: 'apollo',
    ids: ['a1'],
    names: [],
    addresses: [],
    things: [],
  }
  const erasing = erasePerson({ db, log: createLog('silent'), files: undefined }, person, 'test')
  const waiting = async () => {
    const { rows } =
      await sql`select from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`.execute(
        db,
      )
    return rows.length
  }
  await until('it waits', async () => (await waiting()) > 0)
  // The next page waits for the erasure, and knows of it although its statement began before.
  const next = db.transaction().execute(async (trx) => {
    return await writeRaw(trx, [{ ...record, id: 'b', json: '{}', fetchedAt: new Date() }], lead)
  })
  await until('the next page waits', async () => (await waiting()) > 1)
  commit.resolve()
  await page
  expect((await erasing).rows).toEqual({ 'raw.records': { deleted: 1, rewritten: 0 } })
  expect((await next).lastTombstone).toBeGreaterThan(0)
}, 60_000)

test('a backup that runs holds up neither an erasure nor the pages that come', async () => {
  const { db } = await createDatabase()
  const lead = { source: 'apollo', entity: 'people' }
  const record = { id: 'a1', json: '{"id":"a1"}', hash: '00', serviceCallId: randomUUID() }
  const page = (id: string) =>
    db
      .transaction()
      .execute((trx) => writeRaw(trx, [{ ...record, id, fetchedAt: new Date() }], lead))
  await page('a1')
  const person: Person = {
    kind: 'lead',
    source: 'apollo',
    ids: ['a1'],
    names: [],
    addresses: [],
    things: [],
  }
  await db.transaction().execute(async (backup) => {
    await sql`lock table ledger.tombstones, raw.records in access share mode`.execute(backup)
    const { rows } = await erasePerson(
      { db, log: createLog('silent'), files: undefined },
      person,
      'test',
    )
    expect(rows).toEqual({ 'raw.records': { deleted: 1, rewritten: 0 } })
    expect((await page('a2')).lastTombstone).toBeGreaterThan(0)
  })
}, 60_000)

test('what looks like it told of them, and does not, is not locked', async () => {
  const { db } = await createDatabase()
  const lead = { source: 'apollo', entity: 'people' }
  const record = { hash: '00', serviceCallId: randomUUID(), fetchedAt: new Date() }
  const write = async (id: string) =>
    await db
      .transaction()
      .execute((trx) => writeRaw(trx, [{ ...record, id, json: `{"id":"${id}"}` }], lead))
  await write('a1')
  await write('a12')
  const call = { job: 'leadgen', trigger: 'cli', subject: '', wake: false } as const
  await insertJobCalls(db, [
    { ...call, params: { note: 'a1' } },
    { ...call, params: { note: 'a12' } },
  ])
  const person: Person = {
    kind: 'lead',
    source: 'apollo',
    ids: ['a1'],
    names: [],
    addresses: [],
    things: [],
  }
  await db.transaction().execute(async (other) => {
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(other)
    await sql`select from raw.records where external_id = 'a12' for update`.execute(other)
    await sql`select from ledger.job_calls where params ->> 'note' = 'a12' for update`.execute(
      other,
    )
    const tools = { db, log: createLog('silent'), files: undefined }
    const { rows } = await erasePerson(tools, person, 'test')
    expect(rows).toEqual({
      'raw.records': { deleted: 1, rewritten: 0 },
      'ledger.job_calls': { deleted: 0, rewritten: 1 },
    })
  })
}, 60_000)
