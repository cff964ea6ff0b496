import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { unblock } from '../../src/etl/extract/breaker.ts'
import { crmWorld, type CrmWorld } from './crm-world.ts'
import { differences } from './server-state.ts'

const list = '/api/v4/contacts?'

async function watermarks(world: CrmWorld): Promise<string[]> {
  const { rows } = await sql<{ told: string }>`
    select operation || ' ' || value as told from ledger.watermarks order by operation`.execute(
    world.db,
  )
  return rows.map(({ told }) => told)
}

async function streams(world: CrmWorld, status: string) {
  const { rows } = await sql<{
    operation: string
    error: { kind: string; message: string } | null
  }>`
    select operation, error from ledger.service_calls where status = ${status} order by id`.execute(
    world.db,
  )
  return rows
}

/** Faults that end a run, with what it says; the run after it ends well and misses nothing. */
const ending: [string, object, string, RegExp][] = [
  ['a wrong token', { kind: 'status', status: 401, body: 'problem' }, 'unauthorized', /401/],
  ['a missing right', { kind: 'status', status: 403, body: 'problem' }, 'streams', /403/],
  ['HTML for JSON', { kind: 'html' }, 'streams', /DOCTYPE html/],
  ['JSON that is none', { kind: 'invalidJson' }, 'streams', /JSON was due/],
  ['a list without records', { kind: 'wrongShape' }, 'streams', /a list of contacts was due/],
  ['an endless answer', { kind: 'huge', mb: 60 }, 'streams', /larger than/],
  ['no answer', { kind: 'hang' }, 'streams', /time/i],
  ['half an answer', { kind: 'truncate' }, 'streams', /./],
  ['a server that fails', { kind: 'status', status: 502 }, 'streams', /502/],
]

test.each(ending)('%s fails the run, and only for now', async (_, fault, kind, words) => {
  const world = await crmWorld({ headersMs: 300, amocrm: { contacts: 1200 } })
  await world.fault({ ...fault, match: list, skip: 3, times: null })
  const call = await world.run()
  expect([call.status, call.error]).toEqual(['failed', expect.objectContaining({ kind })])
  expect(JSON.stringify(call.error)).toMatch(words)
  expect(await watermarks(world)).not.toContainEqual(expect.stringMatching(/^contacts /))
  expect((await streams(world, 'done')).some(({ operation }) => operation === 'contacts')).toBe(
    false,
  )
  await world.admin('DELETE', '/amocrm/faults')
  await world.succeed()
  expect(await differences(world)).toEqual([])
})

test('a refused token is named by its setting', async () => {
  const world = await crmWorld()
  await world.fault({ kind: 'status', status: 401, body: 'problem', times: null })
  const call = await world.run()
  expect(call.error).toMatchObject({
    kind: 'unauthorized',
    hint: expect.stringContaining('AMOCRM_ACCESS_TOKEN'),
  })
})

test('a block stops every call without a request, until an operator opens it again', async () => {
  const world = await crmWorld()
  await world.fault({ kind: 'status', status: 403, body: 'html', match: list })
  expect((await world.run()).error).toMatchObject({
    kind: 'blocked',
    hint: expect.stringContaining('unblock amocrm'),
  })
  const before = (await world.requests()).length
  expect((await world.run()).error).toMatchObject({ kind: 'blocked' })
  expect((await world.requests()).length).toBe(before)
  await unblock(world.db, 'amocrm')
  await world.succeed()
  expect(await differences(world)).toEqual([])
})

const passing: [string, object][] = [
  ['a list cut short: no next page', { kind: 'noNext' }],
  ['the page before once more', { kind: 'repeatPage' }],
  ['an empty answer', { kind: 'status', status: 204, body: 'empty' }],
  ['half an answer', { kind: 'truncate' }],
  ['a broken connection', { kind: 'reset' }],
  ['too many requests', { kind: 'status', status: 429, retryAfter: 0 }],
  ['a server that fails', { kind: 'status', status: 504 }],
]

test.each(passing)('%s, now and then, loses nothing', async (_, fault) => {
  const world = await crmWorld({ amocrm: { contacts: 3000, companies: 300, blockAfter429s: null } })
  const often = [1, 4, 8, 13].map((skip) => ({ ...fault, match: list, skip }))
  await world.fault(...often, { ...fault, match: '/companies?', skip: 1 })
  await world.succeed()
  expect(await differences(world)).toEqual([])
  await world.fault({ ...fault, match: list, skip: 2 })
  await world.succeed({ full: true })
  expect(await differences(world)).toEqual([])
})

test('an empty answer moves no watermark', async () => {
  const world = await crmWorld()
  await world.succeed()
  const before = await watermarks(world)
  expect(before).toEqual([
    expect.stringMatching(/^companies 20/),
    expect.stringMatching(/^contacts 20/),
  ])
  await world.change({ op: 'update', count: 5 })
  const empty = { kind: 'status', status: 204, body: 'empty' }
  await world.fault(
    { ...empty, match: `${list}filter[updated_at]` },
    { ...empty, match: '/api/v4/companies?' },
  )
  await world.succeed()
  expect(await watermarks(world)).toEqual(before)
  await world.succeed()
  expect(await differences(world)).toEqual([])
})

test('an address that is too long is halved', async () => {
  const world = await crmWorld({ amocrm: { companies: 10, contacts: 900, maxUrlBytes: 2000 } })
  const companyIds = Array.from({ length: 10 }, (_, i) => 7_200_003 + i).flatMap((id) => [id])
  await world.succeed({ companyIds, notes: true })
  const failed = (await world.requests()).filter(({ status }) => status === 414)
  expect(failed.length).toBeGreaterThan(0)
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from contacts`.execute(
    world.db,
  )
  expect(rows[0]?.n).toBeGreaterThan(100)
})

test('a page that says that more follows when nothing does costs little', async () => {
  const world = await crmWorld({ amocrm: { phantomNext: true, contacts: 1200 } })
  await world.succeed()
  expect(await differences(world)).toEqual([])
  expect(await world.succeed()).toBeLessThanOrEqual(5)
})
