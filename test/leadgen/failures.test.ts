import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type LeadgenWorld, startLeadgenWorld } from './support/leadgen-world.ts'

const germany = { person_locations: ['Germany'] }

async function fail(world: LeadgenWorld, ...faults: object[]) {
  await world.apollo.admin('POST', '/apollo/faults', faults)
}
const errorOf = (call: { error: unknown }) =>
  call.error as { kind: string; message: string; hint?: string } | null

async function creditsOf(world: LeadgenWorld) {
  const { rows } = await sql<{ spent: number; in_doubt: number; credits: number; doubt: number }>`
    select m.spent, m.in_doubt, s.credits, s.doubt from ledger.credit_months m,
      (select sum(credits)::bigint as credits, sum(credits_in_doubt)::bigint as doubt from ledger.service_calls) s`.execute(
    world.db,
  )
  return rows[0]
}

test('401: the key is wrong; nothing is written, and the setting is named', async () => {
  const world = await startLeadgenWorld({ env: { APOLLO_API_KEY: 'not-the-one' } })
  const { call } = await world.run({ search: germany })
  expect(call.status).toBe('failed')
  expect(errorOf(call)).toMatchObject({ kind: 'unauthorized' })
  expect(errorOf(call)?.hint).toContain('APOLLO_API_KEY')
  expect(JSON.stringify(call)).not.toContain('not-the-one')
  expect(await world.s3?.keys()).toEqual([])
})

test('401 in plain text', async () => {
  const apollo = { unauthorizedAs: 'text' } as const
  const world = await startLeadgenWorld({ apollo, env: { APOLLO_API_KEY: 'not-the-one' } })
  expect(errorOf((await world.run({ search: germany })).call)?.kind).toBe('unauthorized')
})

test('403: a key or plan without access fails this call and blocks nobody', async () => {
  const env = { APOLLO_API_KEY: 'scoped-key' }
  const world = await startLeadgenWorld({ apollo: { scopedKeys: ['scoped-key'] }, env })
  const { call } = await world.run({ search: germany })
  expect(call.status).toBe('failed')
  expect(errorOf(call)?.message).toContain('not accessible')
  expect(errorOf(call)?.hint).toContain('master key')
  expect(await world.db.selectFrom('ledger.breakers').selectAll().execute()).toEqual([])
})

test('422: what Apollo does not understand fails the call with its own words', async () => {
  const world = await startLeadgenWorld()
  const search = { organization_industry_tag_ids: ['software'] }
  const { call } = await world.run({ search })
  expect(call.status).toBe('failed')
  expect(errorOf(call)?.message).toContain('422')
  expect((await world.asked()).searches.length).toBe(1)
})

test('429 and 5xx are asked again, three times at most; then another attempt goes on', async () => {
  const world = await startLeadgenWorld()
  await fail(
    world,
    { kind: 'status', status: 429, retryAfter: 1, body: 'empty' },
    { kind: 'status', status: 503 },
    { kind: 'status', status: 500 },
  )
  const well = await world.run({ search: germany, target_leads: 10, enrich: false })
  expect(well.result?.leads).toBe(10)
  expect((await world.asked()).statuses).toEqual([429, 503, 500, 200])

  await fail(world, { kind: 'status', status: 502, times: 4 })
  const france = { person_locations: ['France'] }
  const params = { search: france, target_leads: 10, enrich: false }
  const badly = await world.run(params, { fresh: false })
  expect(badly.call.status).toBe('failed')
  expect((await world.asked()).statuses.slice(4)).toEqual([502, 502, 502, 502])
  const again = await world.run(params, { fresh: false })
  expect(again.id).toBe(badly.id)
  expect(again.result).toMatchObject({ ended_by: 'target', leads: 10 })
})

test('a paid answer that is lost: these ten are asked again, and stay in doubt', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0 } })
  await fail(world, { kind: 'truncate', match: 'bulk_match', skip: 1 })
  const { result } = await world.run({ search: germany, target_leads: 40 })
  expect(result).toMatchObject({ ended_by: 'target', leads: 40 })
  const { batches } = await world.asked()
  expect(batches.length).toBe(5)
  expect(batches[2]).toEqual(batches[1])
  expect(await creditsOf(world)).toEqual({ spent: 40, in_doubt: 10, credits: 40, doubt: 10 })
})

test('a paid answer that is lost four times: each time stays in doubt, and another attempt goes on', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0 } })
  await fail(world, { kind: 'truncate', match: 'bulk_match', skip: 1, times: 4 })
  const params = { search: germany, target_leads: 40 }
  const first = await world.run(params, { fresh: false })
  expect(first.call.status).toBe('failed')
  expect(await creditsOf(world)).toEqual({ spent: 10, in_doubt: 40, credits: 10, doubt: 40 })
  const second = await world.run(params, { fresh: false })
  expect(second.id).toBe(first.id)
  expect(second.result).toMatchObject({ ended_by: 'target', leads: 40 })
  expect(await creditsOf(world)).toEqual({ spent: 40, in_doubt: 40, credits: 40, doubt: 40 })
})

test('a paid request that was refused leaves nothing in doubt', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0 } })
  await fail(world, { kind: 'status', status: 429, retryAfter: 1, match: 'bulk_match', skip: 1 })
  const { result } = await world.run({ search: germany, target_leads: 20 })
  expect(result?.ended_by).toBe('target')
  expect(await creditsOf(world)).toEqual({ spent: 20, in_doubt: 0, credits: 20, doubt: 0 })

  await fail(world, { kind: 'status', status: 422, match: 'bulk_match', times: 1 })
  const { call } = await world.run({ search: { person_locations: ['France'] }, target_leads: 20 })
  expect(call.status).toBe('failed')
  expect(await creditsOf(world)).toMatchObject({ spent: 20, in_doubt: 0 })
})

test('a paid request that was refused leaves nothing in doubt, also when stopped in the wait that follows', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0 } })
  await fail(world, { kind: 'status', status: 429, retryAfter: 50, match: 'bulk_match', skip: 1 })
  const params = { search: germany, target_leads: 20, max_runtime_ms: 300_000 }
  const stopWhen = async () => {
    const seen = sql`select from ledger.upstream_hours where rate_limited > 0`
    return (await seen.execute(world.db)).rows.length > 0
  }
  const stopped = await world.run(params, { fresh: false, stopWhen })
  expect(stopped.call.finished_at).toBeNull()
  expect(await creditsOf(world)).toEqual({ spent: 10, in_doubt: 0, credits: 10, doubt: 0 })

  // All rest for those seconds, the next process too: the window is over.
  await sql`delete from ledger.quota_windows`.execute(world.db)
  const again = await world.run(params, { fresh: false })
  expect(again.id).toBe(stopped.id)
  expect(again.result).toMatchObject({ ended_by: 'target', leads: 20 })
  expect(await creditsOf(world)).toEqual({ spent: 20, in_doubt: 0, credits: 20, doubt: 0 })
}, 60_000)

test('a refusal that asks to wait for longer than a worker does leaves nothing in doubt; a 5xx does', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0 } })
  const params = { search: germany, target_leads: 20 }
  await fail(world, { kind: 'status', status: 429, retryAfter: 90, match: 'bulk_match', skip: 1 })
  expect((await world.run(params)).result).toMatchObject({ ended_by: 'quota' })
  expect(await creditsOf(world)).toEqual({ spent: 10, in_doubt: 0, credits: 10, doubt: 0 })

  await fail(world, { kind: 'status', status: 503, retryAfter: 50, match: 'bulk_match' })
  const stopWhen = async () => (await world.asked()).statuses.includes(503)
  await sql`delete from ledger.quota_windows`.execute(world.db)
  await world.run({ ...params, search: { person_locations: ['France'] } }, { stopWhen })
  expect(await creditsOf(world)).toEqual({ spent: 10, in_doubt: 10, credits: 10, doubt: 10 })
}, 60_000)

test('a balance that is empty ends the search: what was found is delivered', async () => {
  const world = await startLeadgenWorld({ apollo: { missRate: 0, credits: 15 } })
  const { result, id } = await world.run({ search: germany, target_leads: 40 })
  expect(result).toMatchObject({ ended_by: 'quota', leads: 40 })
  expect(await creditsOf(world)).toMatchObject({ spent: 10, in_doubt: 0 })
  expect(await world.s3?.keys()).toEqual([`leadgen-csv/${id}.csv`])
})

test('an hour that is used up: with leads they are delivered, without any the call waits', async () => {
  const world = await startLeadgenWorld({ apollo: { people: 60_000, searchPerHour: 3 } })
  const { result } = await world.run({ search: germany, target_leads: 1000, enrich: false })
  expect(result).toMatchObject({ ended_by: 'quota', leads: 300 })
  const { call } = await world.run({ search: { person_locations: ['France'] } })
  expect(call.status).toBe('waiting')
  expect(errorOf(call)?.message).toContain('3 requests per hour')
  expect(call.next_attempt_at?.getTime()).toBeGreaterThan(Date.now() + 3_500_000)
})

test('a record that is none is set aside, and the page goes on', async () => {
  const world = await startLeadgenWorld()
  const how = ['noId', 'nullRecord', 'nulCharacter']
  await fail(world, { kind: 'badRecord', records: [0, 1, 2], how, match: 'api_search' })
  const { result, call } = await world.run({ search: germany, target_leads: 99, enrich: false })
  expect(call.error).toBeNull()
  console.log('with bad records:', JSON.stringify(result?.steps))
  const rejects = await world.db.selectFrom('ledger.rejects').select('reason').execute()
  expect(rejects.length).toBeGreaterThan(0)
  expect(result?.leads).toBe(99)
})

test('an answer that is no list fails the call, and is never an empty page', async () => {
  const world = await startLeadgenWorld()
  await fail(world, { kind: 'wrongShape' })
  const { call } = await world.run({ search: germany, enrich: false })
  expect(errorOf(call)?.message).toContain('a list of people was due')
})
