import * as fc from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { contactRows, differences, stateOf } from './server-state.ts'

type Change = { op: string; [key: string]: unknown }

async function script(world: CrmWorld, changes: Change[], seed: number, total: number) {
  const body = { changes, everyRequests: 1, perStep: 3, total, seed, match: '/contacts?' }
  await world.admin('POST', '/amocrm/changes', body)
}

const everything: Change[] = [
  { op: 'update' },
  { op: 'insert' },
  { op: 'delete' },
  { op: 'link', bump: true },
  { op: 'merge' },
  { op: 'unlink', bump: true },
  { op: 'update' },
]

test.each([1, 2, 3, 4])(
  'records that change while they are read are right in the end (%i)',
  async (seed) => {
    const world = await crmWorld({ amocrm: { contacts: 3000, companies: 100, seed } })
    await script(world, everything, seed, 60)
    await world.succeed()
    await world.admin('DELETE', '/amocrm/changes')
    // What came after the last look at it is seen by the next run.
    await world.succeed()
    expect(await differences(world)).toEqual([])
  },
)

test('any script of changes, in a first read, in one of changes and in a full one', async () => {
  const change = fc.oneof(
    fc.record({ op: fc.constantFrom('update', 'delete', 'merge'), bump: fc.constant(true) }),
    fc.record({ op: fc.constantFrom('link', 'unlink'), bump: fc.constant(true) }),
    fc.constant({ op: 'insert' }),
  )
  const given = {
    changes: fc.array(change, { minLength: 1, maxLength: 6 }),
    seed: fc.nat(10_000),
    everyRequests: fc.integer({ min: 1, max: 3 }),
    perStep: fc.integer({ min: 1, max: 40 }),
    full: fc.boolean(),
  }
  const world = await crmWorld({ amocrm: { contacts: 1500, companies: 60 } })
  await fc.assert(
    fc.asyncProperty(fc.record(given), async ({ full, ...changing }) => {
      await world.admin('POST', '/amocrm/changes', {
        ...changing,
        total: changing.perStep * 6,
      })
      await world.succeed({ full })
      await world.admin('DELETE', '/amocrm/changes')
      await world.succeed({ full })
      expect(await differences(world)).toEqual([])
    }),
    { numRuns: 8 },
  )
})

test('changes that leave no trace in updated_at are seen by a full read', async () => {
  const world = await crmWorld({ amocrm: { contacts: 1500, companies: 60 } })
  await world.succeed()
  await world.change(
    { op: 'delete', count: 5, bump: false },
    { op: 'delete', count: 5, trace: false },
    { op: 'unlink', count: 5 },
    { op: 'link', count: 5 },
    { op: 'merge', count: 3, trace: false },
  )
  await world.succeed({ full: true })
  expect(await differences(world)).toEqual([])
  const rows = await contactRows(world)
  expect(rows.filter((row) => row.missing)).toHaveLength(8)
  expect(rows.filter((row) => row.deleted)).toHaveLength(5)
  expect(rows.filter((row) => row.unlinked).length).toBeGreaterThanOrEqual(4)
})

test('links are read again once a week: who was unlinked or moved, and companies that are gone', async () => {
  const world = await crmWorld()
  await world.succeed()
  await world.change(
    { op: 'unlink', count: 7 },
    { op: 'link', count: 7 },
    { op: 'delete', entity: 'companies', count: 2 },
    { op: 'delete', count: 3, bump: false },
  )
  await sql`update ledger.subject_reads set read_at = read_at - interval '8 days' where operation = 'links'`.execute(
    world.db,
  )
  await world.succeed()
  expect(await differences(world)).toEqual([])
  const { rows } = await sql<{ gone: number }>`
    select count(*)::int as gone from companies where deleted_at is not null`.execute(world.db)
  expect(rows[0]?.gone).toBe(2)
  expect(await world.succeed()).toBeLessThanOrEqual(3)
})

const companyNames = async ({ db }: CrmWorld) => {
  const rows = await db.selectFrom('companies').select(['external_id', 'name']).execute()
  return new Map(rows.map(({ external_id, name }) => [external_id, name]))
}

test.each([true, false])(
  'companies that are new or changed come with the next run (filters: %s)',
  async (filtersEnabled) => {
    const world = await crmWorld({ amocrm: { contacts: 300, companies: 40, filtersEnabled } })
    await world.succeed()
    const [renamed = ''] = (await companyNames(world)).keys()
    await world.change(
      { op: 'update', entity: 'companies', id: Number(renamed), set: { name: 'Renamed' } },
      { op: 'insert', entity: 'companies', set: { name: 'New' } },
    )
    const companies = (await stateOf(world)).filter(({ kind }) => kind === 'companies')
    const added = companies.find(({ name }) => name === 'New')?.id ?? 0
    await world.change({ op: 'insert', set: { name: 'Of the new one', company_id: added } })
    // Contacts, companies, the deleted ones.
    expect(await world.succeed()).toBe(3)
    const names = await companyNames(world)
    expect(names.get(renamed)).toBe('Renamed')
    expect(names.get(String(added))).toBe('New')
    expect(names.size).toBe(41)
    expect(await differences(world)).toEqual([])
  },
)

test('more changed companies than a page holds, and a run that breaks off among them', async () => {
  const world = await crmWorld({ amocrm: { contacts: 100, companies: 900 } })
  await world.succeed()
  await world.change({ op: 'update', entity: 'companies', count: 900, set: { name: 'All anew' } })
  await world.fault({ kind: 'status', status: 400, match: '/companies', skip: 1, times: 1 })
  expect((await world.run()).status).toBe('failed')
  await world.admin('DELETE', '/amocrm/faults')
  await world.succeed()
  const due = (await stateOf(world)).filter(({ kind }) => kind === 'companies')
  expect(await companyNames(world)).toEqual(new Map(due.map(({ id, name }) => [String(id), name])))
})

test('5,000 contacts of one second, changing while they are read', async () => {
  const world = await crmWorld({ amocrm: { contacts: 200 } })
  const at = 1_748_000_000
  await world.change({ op: 'insert', count: 5000, at })
  await script(world, [{ op: 'delete' }, { op: 'update' }, { op: 'delete' }], 5, 120)
  expect(await world.succeed()).toBeLessThanOrEqual(20 + 15)
  await world.admin('DELETE', '/amocrm/changes')
  await world.succeed()
  expect(await differences(world)).toEqual([])
})

test('changes of a server whose clock is ten minutes behind, and contacts of the future', async () => {
  const world = await crmWorld()
  const behind = Math.floor(Date.now() / 1000) - 600
  await world.admin('PATCH', '/amocrm/settings', { clock: behind })
  await world.change({ op: 'update', count: 3 })
  await world.change({ op: 'insert', count: 3, at: behind + 86_400 * 365 })
  await world.succeed()
  await world.admin('PATCH', '/amocrm/settings', { clock: behind + 2 })
  await world.change({ op: 'update', count: 5 }, { op: 'insert', count: 5 })
  expect(await world.succeed()).toBeLessThanOrEqual(3)
  expect(await differences(world)).toEqual([])
})
