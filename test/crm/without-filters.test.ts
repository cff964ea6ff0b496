import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { differences, stateOf } from './server-state.ts'

/** Filters that do not work: the flag says so, or it does not and they are ignored all the same. */
const accounts: [string, (world: CrmWorld) => Promise<unknown>][] = [
  ['off', (world) => world.admin('PATCH', '/amocrm/settings', { filtersEnabled: false })],
  ['ignored', (world) => world.fault({ kind: 'ignoreFilter', times: null })],
]

async function skipped(world: CrmWorld): Promise<string[]> {
  const { rows } = await sql<{ message: string }>`
    select error ->> 'message' as message from ledger.service_calls where status = 'skipped'`.execute(
    world.db,
  )
  return rows.map(({ message }) => message)
}

test.each(accounts)('filters %s: everything, changes, and a full read', async (how, turnOff) => {
  const world = await crmWorld({ amocrm: { contacts: 1300, companies: 60 } })
  await turnOff(world)
  const first = await world.succeed()
  // One page more for those that each page shows again, and the pages of the changes and the deleted.
  expect(first).toBeLessThanOrEqual(16)
  expect(await differences(world)).toEqual([])
  expect(await world.succeed()).toBe(3)
  await world.change(
    { op: 'update', count: 300 },
    { op: 'insert', count: 5 },
    { op: 'delete', count: 5 },
  )
  // Two pages of changes, the same as one more look at the top (all in one second), companies, the deleted ones.
  expect(await world.succeed()).toBeLessThanOrEqual(6)
  expect(await differences(world)).toEqual([])
  await world.change(
    { op: 'delete', count: 4, trace: false },
    { op: 'unlink', count: 4 },
    { op: 'delete', count: 4, bump: false },
  )
  await world.succeed({ full: true })
  expect(await differences(world)).toEqual([])
  const reason = 'the API ignored the filter and answered with other records'
  expect(new Set(await skipped(world))).toEqual(new Set(how === 'ignored' ? [reason] : []))
})

test.each(accounts)(
  'filters %s: the contacts of some companies, with notes',
  async (_, turnOff) => {
    const world = await crmWorld({ amocrm: { contacts: 2600, companies: 520 } })
    await turnOff(world)
    const state = await stateOf(world)
    const companyIds = state
      .filter(({ kind }) => kind === 'companies')
      .slice(0, 6)
      .map(({ id }) => id)
    const wanted = state.filter(
      (told) =>
        told.kind === 'contacts' && companyIds.includes(told._embedded.companies?.[0]?.id ?? 0),
    )
    await world.succeed({ companyIds, notes: true })
    const { rows } = await sql<{ id: string }>`select external_id as id from contacts`.execute(
      world.db,
    )
    expect(new Set(rows.map(({ id }) => Number(id)))).toEqual(new Set(wanted.map(({ id }) => id)))
    // The companies stand on the first page: no other was asked for.
    const asked = (await world.requests()).filter(
      ({ path, query }) => path.endsWith('/companies') && !query.includes('filter'),
    )
    expect(asked).toHaveLength(1)
    const ids = new Set(wanted.map(({ id }) => id))
    const due = state.filter((told) => told.kind === 'notes' && ids.has(told.entity_id)).length
    const { rows: notes } = await sql<{
      n: number
    }>`select count(*)::int as n from contact_notes`.execute(world.db)
    expect(notes[0]?.n).toBe(due)
  },
)

test('records that change while they are read, without filters', async () => {
  const world = await crmWorld({ amocrm: { contacts: 2000, companies: 60, filtersEnabled: false } })
  const changes = [{ op: 'delete' }, { op: 'update' }, { op: 'insert' }, { op: 'delete' }]
  await world.admin('POST', '/amocrm/changes', { changes, everyRequests: 1, perStep: 8, total: 80 })
  await world.succeed()
  await world.admin('DELETE', '/amocrm/changes')
  await world.succeed()
  expect(await differences(world)).toEqual([])
})

test('a read that failed half way goes on in the other way when filters were switched off meanwhile', async () => {
  const world = await crmWorld({ amocrm: { contacts: 2000, companies: 60 } })
  await world.fault({ kind: 'html', match: '/contacts?', skip: 4, times: null })
  expect((await world.run()).status).toBe('failed')
  await world.admin('DELETE', '/amocrm/faults')
  await world.admin('PATCH', '/amocrm/settings', { filtersEnabled: false })
  await sql`delete from ledger.subject_reads where operation = 'account'`.execute(world.db)
  await world.succeed()
  expect(await differences(world)).toEqual([])
  expect(await skipped(world)).toContain('filtering is off in this account')
  const { rows } = await sql`select 1 from ledger.service_calls where status = 'open'`.execute(
    world.db,
  )
  expect(rows).toEqual([])
})
