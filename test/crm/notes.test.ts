import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { stateOf } from './server-state.ts'

async function noteIds(world: CrmWorld): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`select external_id as id from contact_notes`.execute(
    world.db,
  )
  return rows.map(({ id }) => id).toSorted()
}

async function notesThere(world: CrmWorld): Promise<string[]> {
  const told = (await stateOf(world)).filter(
    ({ kind, entity_type: type }) => kind === 'notes' && type === 'contacts',
  )
  return told.map(({ id }) => String(id)).toSorted()
}

const askedForNotes = async (world: CrmWorld) =>
  (await world.requests()).filter(({ path }) => path.endsWith('/notes'))

test('notes come only when asked for, in bulk, and then what is new', async () => {
  const world = await crmWorld({ amocrm: { contacts: 1500 } })
  await world.succeed()
  expect(await askedForNotes(world)).toEqual([])
  await world.succeed({ notes: true })
  expect(await noteIds(world)).toEqual(await notesThere(world))
  const all = (await askedForNotes(world)).length
  expect(all).toBeLessThanOrEqual(Math.ceil((await notesThere(world)).length / 250) + 6)
  await world.change({ op: 'note', count: 7, set: {} })
  await world.succeed({ notes: true })
  expect(await noteIds(world)).toEqual(await notesThere(world))
  expect((await askedForNotes(world)).length - all).toBe(1)
})

test('notes of some companies: only those of their contacts, and no watermark moves', async () => {
  const world = await crmWorld({ amocrm: { contacts: 900, companies: 30 } })
  const state = await stateOf(world)
  const companyIds = state
    .filter(({ kind }) => kind === 'companies')
    .slice(0, 5)
    .map(({ id }) => id)
  const contacts = new Set(
    state
      .filter(
        (told) =>
          told.kind === 'contacts' && companyIds.includes(told._embedded.companies?.[0]?.id ?? 0),
      )
      .map(({ id }) => id),
  )
  await world.succeed({ companyIds, notes: true })
  const due = state.filter((told) => told.kind === 'notes' && contacts.has(told.entity_id))
  expect(await noteIds(world)).toEqual(due.map(({ id }) => String(id)).toSorted())
  const { rows } = await sql`select * from ledger.watermarks`.execute(world.db)
  expect(rows).toEqual([])
})
