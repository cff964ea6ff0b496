import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { recordFlaws } from '../../sandbox/faults/fault-schema.ts'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { contactRows, differences, stateOf } from './server-state.ts'

interface RejectRow {
  external_id: string
  reason: string
  closed: boolean
  renewed: boolean
}

async function rejects(world: CrmWorld): Promise<RejectRow[]> {
  const { rows } = await sql<RejectRow>`
    select external_id, reason, closed_at is not null as closed, last_seen_at > first_seen_at as renewed
    from ledger.rejects where entity = 'contacts' order by id`.execute(world.db)
  return rows
}

const reasons = {
  idWord: /no id/,
  noId: /no id/,
  nameNumber: /name: .*string/,
  customFieldsShape: /custom_fields_values: .*array/,
  nullRecord: /no id/,
}

test.each(Object.entries(reasons))(
  'one bad record of a page (%s): set aside with its reason, the others loaded',
  async (how, reason) => {
    const world = await crmWorld({ amocrm: { contacts: 250, companies: 10 } })
    const bad = (await stateOf(world)).filter(({ kind }) => kind === 'contacts')[7]?.id ?? 0
    await world.fault({ kind: 'badRecord', ids: [bad], how, times: null })
    await world.succeed()
    expect(await contactRows(world)).toHaveLength(249)
    const found = await rejects(world)
    expect(found).toEqual([expect.objectContaining({ reason: expect.stringMatching(reason) })])
    // The same again renews its row.
    await world.succeed({ full: true })
    expect(await rejects(world)).toEqual([expect.objectContaining({ renewed: true })])
    await world.admin('DELETE', '/amocrm/faults')
    await world.succeed({ full: true })
    expect(await differences(world)).toEqual([])
    // Without an id nobody can tell that it is the same.
    const known = found[0]?.external_id === String(bad)
    expect(await rejects(world)).toEqual([expect.objectContaining({ closed: known })])
  },
)

test('what Postgres cannot hold in a text is replaced', async () => {
  const world = await crmWorld({ amocrm: { contacts: 250, companies: 10 } })
  await world.fault({ kind: 'badRecord', ids: [5_100_017], how: 'nulCharacter', times: null })
  await world.succeed()
  const row = (await contactRows(world)).find(({ id }) => id === '5100017')
  expect(row?.name).toBe('before\ufffdafter')
  expect(await rejects(world)).toEqual([])
})

test('a bad record among those asked for by id leaves none marked as missing', async () => {
  const world = await crmWorld({ amocrm: { contacts: 200, companies: 3 } })
  await world.succeed()
  const companies = (await stateOf(world)).filter(({ kind }) => kind === 'companies')
  await world.fault({ kind: 'badRecord', records: [3], how: 'idWord', match: 'contacts?limit' })
  await world.succeed({ companyIds: companies.map(({ id }) => id) })
  expect(await rejects(world)).toHaveLength(1)
  expect((await contactRows(world)).filter((row) => row.missing)).toEqual([])
})

test('every row that was read is accounted for', async () => {
  const world = await crmWorld({ amocrm: { contacts: 800 } })
  await world.fault({ kind: 'badRecord', records: [1, 2, 3], how: [...recordFlaws], times: null })
  await world.succeed()
  const { rows } = await sql<{ read: number; kept: number; rejected: number }>`
    select sum(rows_read)::int as read, sum(rows_inserted + rows_updated + rows_unchanged)::int as kept,
      sum(rows_rejected)::int as rejected
    from ledger.service_calls`.execute(world.db)
  expect(rows[0]?.rejected).toBeGreaterThan(0)
  expect(rows[0]?.read).toBe((rows[0]?.kept ?? 0) + (rows[0]?.rejected ?? 0))
})

/** So many digits that no index can shorten. */
const notRepeating = (length: number) => {
  let digits = ''
  for (let n = 0; digits.length < length; n++)
    digits += BigInt(`0x${createHash('sha256').update(String(n)).digest('hex')}`).toString()
  return digits.slice(0, length)
}

const strange = {
  'phones longer than an index takes': {
    phones: [`+7${notRepeating(5000)}`],
    emails: [`${notRepeating(5000)}@y.example`],
  },
  'lone surrogates and NUL': { name: 'a\ud800b\u0000c', phones: ['\udc00'] },
  'an empty name': { name: '' },
}

test.each(Object.entries(strange))('%s in a contact fail nothing', async (_, set) => {
  const world = await crmWorld({ amocrm: { contacts: 300 } })
  await world.change({ op: 'update', id: 5_100_017, set })
  await world.succeed()
  expect(await rejects(world)).toEqual([])
  expect(await contactRows(world)).toHaveLength(300)
})

test('a value that Postgres refuses sets only its own record aside', async () => {
  const world = await crmWorld({ amocrm: { contacts: 300 } })
  await sql`alter table contacts add constraint no_such_name check (name <> 'refused')`.execute(
    world.db,
  )
  await world.change({ op: 'update', id: 5_100_017, set: { name: 'refused' } })
  await world.succeed()
  expect(await contactRows(world)).toHaveLength(299)
  expect(await rejects(world)).toEqual([
    expect.objectContaining({
      external_id: '5100017',
      reason: expect.stringContaining('no_such_name'),
    }),
  ])
})
