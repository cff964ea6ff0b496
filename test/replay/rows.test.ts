import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { oddServer } from '../crm/odd-server.ts'
import { withInstagram } from '../sandbox/with-instagram.ts'
import { createDatabase } from '../support/database.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { emptyTables, rowsOf, runJob, succeed, versionsOf } from './support.ts'

const replayed = async (database: Awaited<ReturnType<typeof createDatabase>>, source: string) => {
  const { result } = await succeed(database, 'replay', { source })
  return result as { records: number; rejected: number }
}

test('tables of amoCRM that were emptied come back from the raw records, without a request', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 1300 })
  await succeed(database, 'crm-contacts', { notes: true }, sandbox.env)
  const before = await rowsOf(db, 'amocrm')
  const requests = await sandbox.requests()
  expect(before['contacts']).toHaveLength(1300)
  expect(before['contact_notes']?.length).toBeGreaterThan(0)

  await emptyTables(db, 'amocrm')
  const { records } = await replayed(database, 'amocrm')
  expect(await rowsOf(db, 'amocrm')).toEqual(before)
  expect(records).toBe(await countRaw(database))
  expect(await sandbox.requests()).toBe(requests)
  const streams = await replayStreams(database)
  expect(streams.map(({ operation }) => operation)).toEqual([
    'replay.contacts',
    'replay.companies',
    'replay.contact_notes',
  ])
  for (const stream of streams)
    expect(stream).toMatchObject({ service: 'amocrm', status: 'done', requests: 0 })
  expect(streams[0]).toMatchObject({ pages: 3, rows_read: 1300, rows_unchanged: 1300 })
})

test('large numbers and long integers of a record stay what they were, and nothing is written', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 5, companies: 1 })
  // On the wire: 1e+21, and an integer of 21 digits. A number keeps the one, the other comes as a string.
  const values = [{ value: 1e21 }, { value: 123456789012345680000 }, { value: -1.5e300 }]
  const field = { field_id: 13, field_name: 'Size', field_type: 'numeric', values }
  const AMOCRM_BASE_URL = await oddServer(sandbox.url, {
    answer(body) {
      for (const contact of body?._embedded?.['contacts'] ?? [])
        contact['custom_fields_values'] = [field]
      return body
    },
  })
  await succeed(database, 'crm-contacts', {}, { ...sandbox.env, AMOCRM_BASE_URL })
  const { rows } = await sql<{ types: string[] }>`
    select distinct array(select jsonb_typeof(v -> 'value') from jsonb_array_elements(custom_fields -> 0 -> 'values') as v) as types
    from contacts`.execute(db)
  expect(rows).toEqual([{ types: ['number', 'string', 'number'] }])
  const before = await versionsOf(db, 'amocrm')
  expect(await replayed(database, 'amocrm')).toEqual({ records: 6, rejected: 0 })
  expect(await versionsOf(db, 'amocrm')).toEqual(before)
})

test('contacts that are deleted, missing, back again or linked otherwise stay so, and nothing is written', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 60, companies: 3 })
  const change = (...changes: object[]) => sandbox.admin('POST', '/amocrm/changes', { changes })
  const sync = (params: object) => succeed(database, 'crm-contacts', params, sandbox.env)
  await sync({})
  const contacts = await db.selectFrom('contacts').selectAll().orderBy('external_id').execute()
  const ids = contacts.map(({ external_id: id }) => Number(id))
  await change(
    { op: 'delete', id: ids[0] },
    { op: 'delete', id: ids[1] },
    { op: 'delete', id: ids[2], trace: false },
  )
  await sync({ full: true })
  const marked = await db
    .selectFrom('contacts')
    .select(['external_id', 'deleted_at', 'missing_since'])
    .where((eb) => eb.or([eb('deleted_at', 'is not', null), eb('missing_since', 'is not', null)]))
    .execute()
  expect(marked).toHaveLength(3)
  // As a contact that came back from the bin is read.
  await db
    .updateTable('raw.records')
    .set({ fetched_at: new Date() })
    .where('entity', '=', 'contacts')
    .where('external_id', '=', String(ids[1]))
    .execute()
  await sql`
    update contacts c set deleted_at = null, service_call_id = r.service_call_id from raw.records r
    where r.entity = 'contacts' and r.external_id = c.external_id and c.external_id = ${String(ids[1])}`.execute(
    db,
  )
  // The last word on its company was the company's.
  const { id: ofCompany } = await db
    .selectFrom('ledger.service_calls')
    .select('id')
    .where('operation', '=', 'companies')
    .executeTakeFirstOrThrow()
  await db
    .updateTable('contacts')
    .set({ company_external_id: '1', service_call_id: ofCompany })
    .where('external_id', '=', String(ids[3]))
    .execute()

  const before = await rowsOf(db, 'amocrm')
  const versions = await versionsOf(db, 'amocrm')
  for (const params of [
    { source: 'amocrm' },
    { entity: 'contacts' },
    { entity: 'deleted_contacts' },
  ])
    await succeed(database, 'replay', params)
  expect(await rowsOf(db, 'amocrm')).toEqual(before)
  expect(await versionsOf(db, 'amocrm')).toEqual(versions)

  // What the transform makes another is written all the same, and the marks stay.
  await db.updateTable('contacts').set({ name: 'made by an old transform' }).execute()
  await succeed(database, 'replay', { source: 'amocrm' })
  expect(await rowsOf(db, 'amocrm')).toEqual(before)
})

test("Instagram's tables come back likewise, and a replay over them writes nothing", async () => {
  const database = await createDatabase()
  const { db } = database
  const instagram = await withInstagram({
    profiles: 6,
    privatePercent: 0,
    gonePercent: 0,
    renamedPercent: 0,
  })
  const env = {
    INSTAGRAM_BASE_URL: instagram.sandbox.baseUrls.instagram,
    INSTAGRAM_ACCESS_KEY: 'sandbox-key',
    INSTAGRAM_REQUESTS_PER_SECOND: '5000',
  }
  const usernames = (await instagram.state('profiles')).map(({ username }) => username)
  // Lists of two profiles may contradict each other: followers and following are left out.
  const parts = [
    'profile',
    'posts',
    'reels',
    'comments',
    'replies',
    'likers',
    'stories',
    'highlights',
  ]
  await succeed(database, 'instagram', { usernames, parts }, env)
  const before = await rowsOf(db, 'instagram')
  const log = await instagram.admin('GET', '/log')

  await emptyTables(db, 'instagram')
  const { records } = await replayed(database, 'instagram')
  expect(records).toBe(await countRaw(database))
  expect(await rowsOf(db, 'instagram')).toEqual(before)

  await instagram.change(
    { op: 'deletePost', count: 5 },
    { op: 'deleteComment', count: 5 },
    { op: 'editPost', likeCount: 77_777, count: 5 },
    { op: 'newPost', count: 3 },
  )
  await succeed(database, 'instagram', { usernames, parts, full: true }, env)
  const gone = await db
    .selectFrom('posts')
    .select('external_id')
    .where('gone_at', 'is not', null)
    .execute()
  expect(gone.length).toBeGreaterThan(0)
  const after = await rowsOf(db, 'instagram')
  const versions = await versionsOf(db, 'instagram')
  const asked = (await instagram.admin('GET', '/log')).text
  expect(asked).not.toBe(log.text)
  await replayed(database, 'instagram')
  expect(await rowsOf(db, 'instagram')).toEqual(after)
  expect(await versionsOf(db, 'instagram')).toEqual(versions)
  expect((await instagram.admin('GET', '/log')).text).toBe(asked)
})

test('figures that are transformed again are those of the day on which they were fetched', async () => {
  const database = await createDatabase()
  const { db } = database
  const instagram = await withInstagram({
    profiles: 1,
    privatePercent: 0,
    gonePercent: 0,
    renamedPercent: 0,
  })
  const [profile] = await instagram.state('profiles')
  await runJob(
    database,
    'instagram',
    { usernames: [profile?.username], parts: ['profile', 'posts'] },
    {
      INSTAGRAM_BASE_URL: instagram.sandbox.baseUrls.instagram,
      INSTAGRAM_ACCESS_KEY: 'sandbox-key',
    },
  )
  await db
    .updateTable('raw.records')
    .set({ fetched_at: new Date('2026-03-04T23:59:00Z') })
    .execute()
  await emptyTables(db, 'instagram')
  await succeed(database, 'replay')
  for (const table of ['post_metrics', 'profile_metrics'] as const) {
    const days = await db
      .selectFrom(table)
      .select(sql<string>`day::text`.as('day'))
      .distinct()
      .execute()
    expect(days).toEqual([{ day: '2026-03-04' }])
  }
})

test.each([
  ['search', 'Found', '2026-01-02'],
  ['enrichment', 'Matched', '2025-12-31'],
])(
  'of what search and enrichment both tell, the later word counts: %s',
  async (_, title, found) => {
    const database = await createDatabase()
    const { db } = database
    await db
      .insertInto('raw.records')
      .values([
        record('people', { title: 'Found', has_email: true }, found),
        record('people.matched', { title: 'Matched', email: 'ann@x.example' }, '2026-01-01'),
      ])
      .execute()
    const told = {
      title,
      email: 'ann@x.example',
      has_email: true,
      enriched_at: new Date('2026-01-01'),
    }
    for (const params of [{}, { entity: 'people' }, { entity: 'people.matched' }]) {
      await succeed(database, 'replay', params)
      expect(await db.selectFrom('leads').selectAll().execute()).toEqual([
        expect.objectContaining(told),
      ])
    }
  },
)

async function countRaw({ db }: Awaited<ReturnType<typeof createDatabase>>): Promise<number> {
  const { count } = await db
    .selectFrom('raw.records')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return count
}

async function replayStreams({ db }: Awaited<ReturnType<typeof createDatabase>>) {
  return await db
    .selectFrom('ledger.service_calls')
    .selectAll()
    .where('operation', 'like', 'replay.%')
    .orderBy('id')
    .execute()
}

const record = (entity: string, payload: object, day: string) => ({
  source: 'apollo',
  entity,
  external_id: 'p1',
  payload: JSON.stringify({ id: 'p1', first_name: 'Ann', ...payload }),
  content_hash: Buffer.from(entity),
  fetched_at: new Date(day),
  service_call_id: '01a20529-0595-77d3-af7c-ea97057c39de',
})
