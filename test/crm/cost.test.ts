import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { differences, stateOf } from './server-state.ts'

/** Where each row lies, and which transaction wrote it: the same means that no row was written. */
async function written(world: CrmWorld): Promise<string> {
  const tables = ['raw.records', 'contacts', 'companies', 'contact_channels', 'contact_notes']
  const prints = tables.map(
    (table) => sql`select ${table} as name, count(*) as rows,
      md5(string_agg(ctid::text || xmin::text, ',' order by ctid)) as print from ${sql.table(table)}`,
  )
  const { rows } = await sql`${sql.join(prints, sql` union all `)}`.execute(world.db)
  return JSON.stringify(rows)
}

async function membersOf(world: CrmWorld, companyIds: readonly number[]): Promise<number> {
  const wanted = new Set(companyIds)
  const contacts = (await stateOf(world)).filter((told) => told.kind === 'contacts')
  return contacts.filter((told) => wanted.has(told._embedded.companies?.[0]?.id ?? 0)).length
}

test('the first run reads every contact, a second one with nothing changed asks 3 times and writes no row', async () => {
  const world = await crmWorld()
  await world.succeed()
  expect(await differences(world)).toEqual([])
  const before = await written(world)
  expect(await world.succeed()).toBe(3)
  expect(await written(world)).toBe(before)
  // The night after: the flag is known for longer than an hour where answers are checked against it anyway.
  await sql`update ledger.subject_reads set read_at = read_at - interval '1 day' where operation = 'account'`.execute(
    world.db,
  )
  expect(await world.succeed()).toBe(3)
  expect(await written(world)).toBe(before)
})

test('50 of 2,000 companies: the flag, the companies, their contacts; and nothing when read a moment ago', async () => {
  const world = await crmWorld({ amocrm: { companies: 2000, contacts: 25_000 } })
  const companies = (await stateOf(world)).filter((told) => told.kind === 'companies')
  const companyIds = companies.filter((_, i) => i % 40 === 1).map(({ id }) => id)
  const contacts = await membersOf(world, companyIds)
  const requests = await world.succeed({ companyIds })
  expect(requests).toBe(1 + Math.ceil(companyIds.length / 250) + Math.ceil(contacts / 250))
  expect(requests).toBeLessThanOrEqual(5)
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from contacts`.execute(
    world.db,
  )
  expect(rows[0]?.n).toBe(contacts)
  expect(await world.succeed({ companyIds, maxAgeMinutes: 60 })).toBe(0)
  // Only those that were not asked before.
  const more = [...companyIds, ...companies.filter((_, i) => i % 40 === 2).map(({ id }) => id)]
  expect(await world.succeed({ companyIds: more, maxAgeMinutes: 60 })).toBeLessThanOrEqual(4)
})

test('a full read of 25,000 takes little more than the pages there are', async () => {
  // At a pace that needs few streams side by side, as the real one does.
  const world = await crmWorld({ amocrm: { companies: 2000, contacts: 25_000, perSecond: 40 } })
  const requests = await world.succeed()
  expect(requests).toBeLessThanOrEqual(125)
  expect(await differences(world)).toEqual([])
})

test('what lies behind a second of thousands is read while that second is', async () => {
  const second = 1_000_000_000
  const world = await crmWorld({ amocrm: { contacts: 1300, perSecond: 40, latencyMs: 100 } })
  await world.change({ op: 'insert', count: 3000, at: second })
  await world.succeed()
  expect(await differences(world)).toEqual([])
  const froms = (await world.requests()).map(({ query }) =>
    Number(/filter\[updated_at\]\[from\]=(\d+)/.exec(decodeURIComponent(query))?.[1]),
  )
  expect(froms).toContain(second + 1)
  expect(froms.indexOf(second + 1)).toBeLessThan(froms.lastIndexOf(second))
})
