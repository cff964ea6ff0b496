import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { createDatabase } from '../support/database.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { succeed } from './support.ts'

interface RejectRow {
  external_id: string
  reason: string
  closed: boolean
  job_call_id: string
  seen: string
}

async function rejectsOf(db: Db): Promise<RejectRow[]> {
  const { rows } = await sql<RejectRow>`
    select external_id, reason, closed_at is not null as closed, job_call_id, last_seen_at::text as seen
    from ledger.rejects order by id`.execute(db)
  return rows
}

const nameOf = async (db: Db, id: string) =>
  (await db.selectFrom('contacts').select('name').where('external_id', '=', id).executeTakeFirst())
    ?.name

/** Contacts of which the first so many came badly, and the ids of all. */
async function synced(bad: number, how: string) {
  const database = await createDatabase()
  const sandbox = await startTestSandbox({ contacts: 30, companies: 2 })
  const state = (await sandbox.admin('GET', '/amocrm/state?kind=contacts'))
    .split('\n')
    .filter(Boolean)
  const ids = state.map((line) => String((JSON.parse(line) as { id: number }).id))
  const fault = { kind: 'badRecord', times: null, ids: ids.slice(0, bad).map(Number), how }
  await sandbox.admin('POST', '/amocrm/faults', [fault])
  const sync = await succeed(database, 'crm-contacts', {}, sandbox.env)
  const [first = '', second = '', third = ''] = ids
  return { database, db: database.db, syncId: sync.id, first, second, third }
}

const setName = (db: Db, id: string, json: string) =>
  sql`update raw.records set payload = jsonb_set(payload, '{name}', ${json}::jsonb) where external_id = ${id}`.execute(
    db,
  )

test('a reject that now passes is loaded and closed; one that does not stays as it was seen', async () => {
  const { database, db, syncId, first, second } = await synced(2, 'nameNumber')
  const before = await rejectsOf(db)
  expect(before).toHaveLength(2)
  await setName(db, first, '"Now a name"')
  const call = await succeed(database, 'replay')
  expect(call.result).toMatchObject({ rejected: 1 })
  const { rows } = await sql<{ written: number }>`
    select sum(rows_inserted + rows_updated)::int as written from ledger.service_calls where operation like 'replay%'`.execute(
    db,
  )
  expect(rows).toEqual([{ written: 0 }])
  const [passed, stayed] = await rejectsOf(db)
  expect(passed).toEqual({ ...before[0], closed: true })
  // Who saw it, and when, is what the sync knows.
  expect(stayed).toEqual(before[1])
  expect(stayed?.job_call_id).toBe(syncId)
  expect(await nameOf(db, first)).toBe('Now a name')
  expect(await nameOf(db, second)).toBeUndefined()
})

test('what no longer passes is a reject, and its row stays', async () => {
  const { database, db, third } = await synced(1, 'nameNumber')
  await setName(db, third, '7')
  const name = await nameOf(db, third)
  const call = await succeed(database, 'replay')
  const found = (await rejectsOf(db)).find(({ external_id: id }) => id === third)
  expect(found).toMatchObject({ closed: false, job_call_id: call.id })
  expect(name).toBeDefined()
  expect(await nameOf(db, third)).toBe(name)
  // Closed by whoever finds it well again.
  await setName(db, third, '"Well"')
  await succeed(database, 'replay')
  expect((await rejectsOf(db)).find(({ external_id: id }) => id === third)?.closed).toBe(true)
})

test('a record without an id is tried again as it came, and is known by its id once it has one', async () => {
  const { database, db, first } = await synced(1, 'noId')
  const [reject] = await rejectsOf(db)
  expect(reject?.external_id).toMatch(/^sha256:/)
  // Its key stays what it was, whatever is made of a number beyond 2^53 when it is read.
  await sql`update ledger.rejects set payload = payload || '{"big": 12345678901234567}'`.execute(db)
  await succeed(database, 'replay')
  expect(await rejectsOf(db)).toEqual([reject])

  // As if the transform had learnt where the id is.
  const told = JSON.stringify({ id: Number(first) })
  await sql`update ledger.rejects set payload = payload || ${told}::jsonb`.execute(db)
  await succeed(database, 'replay')
  expect(await rejectsOf(db)).toEqual([{ ...reject, closed: true }])
  const { rows } = await sql<{ explained: boolean; fetched_at: Date }>`
    select r.service_call_id = j.service_call_id and c.service_call_id = r.service_call_id as explained, r.fetched_at
    from raw.records r join contacts c using (source, external_id), ledger.rejects j
    where r.external_id = ${first}`.execute(db)
  expect(rows[0]?.explained).toBe(true)
  expect(rows[0]?.fetched_at.getTime()).toBe(Date.parse(reject?.seen ?? ''))
  expect(await nameOf(db, first)).toBeDefined()
})

test('a reject that was put right by hand is taken, unless the record was fetched later', async () => {
  const { database, db, first, second } = await synced(2, 'nameNumber')
  await sql`update ledger.rejects set payload = jsonb_set(payload, '{name}', '"By hand"')`.execute(
    db,
  )
  await sql`update raw.records set fetched_at = clock_timestamp() where external_id = ${second}`.execute(
    db,
  )
  await succeed(database, 'replay')
  expect(await nameOf(db, first)).toBe('By hand')
  expect(await nameOf(db, second)).toBeUndefined()
  expect((await rejectsOf(db)).map(({ closed }) => closed)).toEqual([true, false])
})

test('what Postgres refuses is set aside, the others of its page are loaded', async () => {
  const { database, db, third } = await synced(1, 'nameNumber')
  await sql`truncate contacts`.execute(db)
  await sql`alter table contacts add constraint not_this check (external_id <> ${sql.lit(third)})`.execute(
    db,
  )
  await succeed(database, 'replay')
  const { rows } = await sql<{
    contacts: number
  }>`select count(*) as contacts from contacts`.execute(db)
  expect(rows[0]?.contacts).toBe(28)
  const found = (await rejectsOf(db)).find(({ external_id: id }) => id === third)
  expect(found).toMatchObject({ closed: false, reason: expect.stringContaining('not_this') })
})
