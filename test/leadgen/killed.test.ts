import { sql } from 'kysely'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { expect, test } from 'vitest'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { type LeadgenWorld, startLeadgenWorld } from './support/leadgen-world.ts'

const ended = z.object({ id: z.string(), status: z.string(), error: z.unknown() })
const minio_payload = { product: { name: 'Lamp' }, segments: [{ name: 'hotels' }] }

/** Runs a leadgen by process after process; each is killed at its moment, in ms after it began (or after `from`), the last one not. */
async function runKilled(
  world: LeadgenWorld,
  params: object,
  moments: readonly number[],
  from: () => Promise<unknown> = async () => {},
) {
  const env = { ...world.env, PARAMS: JSON.stringify(params) }
  for (let kills = 0; ; kills++) {
    const process = startProgram('test/leadgen/support/leadgen-process.ts', [], env)
    const { child, exited } = process
    await until('it begins', () => process.stdout().includes('begun') || child.exitCode !== null)
    const moment = moments[kills]
    if (moment !== undefined) {
      await Promise.race([from(), exited])
      await Promise.race([setTimeout(moment), exited])
      child.kill('SIGKILL')
    }
    await exited
    const last = process.stdout().trim().split('\n').at(-1) ?? ''
    if (last.startsWith('{')) return { ...ended.parse(JSON.parse(last)), kills }
    if (moment === undefined) throw new Error(process.output())
  }
}

const random = (count: number, most: number) =>
  Array.from({ length: count }, () => Math.round(20 + Math.random() * most))

async function leadsOf({ db }: LeadgenWorld) {
  const { rows } = await sql<{ id: string; step: string; url: string | null }>`
    select external_id as id, step, linkedin_url as url from public.leadgen_leads
    join public.leads using (source, external_id) order by position`.execute(db)
  return rows
}

const csvOf = async ({ s3 }: LeadgenWorld, id: string) =>
  String(await s3?.read(`leadgen-csv/${id}.csv`))

test('kill -9 at 20 random moments: the same leads, and at most a page and a batch asked again each time', async () => {
  const apollo = { people: 20_000, latencyMs: 40 }
  const params = {
    search: {
      person_titles: ['Marketing Manager'],
      person_locations: ['Germany', 'France'],
      person_seniorities: ['manager'],
    },
    target_leads: 560,
    max_runtime_ms: 600_000,
    max_credits: 5000,
    minio_payload,
  }
  const calm = await startLeadgenWorld({ apollo })
  const reference = await calm.run(params)
  expect(reference.call.error).toBeNull()
  const world = await startLeadgenWorld({ apollo })
  const { id, kills, status } = await runKilled(world, params, random(20, 500))
  expect(status).toBe('succeeded')
  expect(await leadsOf(world)).toEqual(await leadsOf(calm))
  expect(await csvOf(world, id)).toBe(await csvOf(calm, reference.id))
  expect(await world.s3?.keys()).toEqual([`demo-imports/${id}.json`, `leadgen-csv/${id}.csv`])
  const { rows } = await sql<{ result: object }>`
    select result from ledger.job_calls where id = ${id}`.execute(world.db)
  const files = { csv: null, demo_import: null }
  expect({ ...rows[0]?.result, ...files }).toEqual({ ...reference.result, ...files })

  const { searches, batches } = await world.asked()
  const pagesAgain = searches.length - (await calm.asked()).searches.length
  const keys = batches.map((ids) => ids.join())
  const batchesAgain = keys.length - new Set(keys).size
  const { rows: credits } = await sql<{ spent: number; in_doubt: number; doubt: number }>`
    select spent, in_doubt, (select sum(credits_in_doubt)::bigint from ledger.service_calls) as doubt
    from ledger.credit_months`.execute(world.db)
  const { spent = 0, in_doubt: inDoubt = 0, doubt } = credits[0] ?? {}
  const settings = await fetch(`${world.apollo.sandbox.url}/_sandbox/apollo/settings`)
  const { creditsSpent: paid } = z.object({ creditsSpent: z.number() }).parse(await settings.json())
  console.log(JSON.stringify({ kills, pagesAgain, batchesAgain, spent, inDoubt, paid }))
  expect(kills).toBeGreaterThanOrEqual(15)
  expect(pagesAgain + batchesAgain).toBeGreaterThan(0)
  expect(pagesAgain).toBeLessThanOrEqual(kills)
  expect(batchesAgain).toBeLessThanOrEqual(kills)
  // The batches are those of the calm run: none is cut otherwise by a kill.
  expect([...new Set(keys)]).toEqual((await calm.asked()).batches.map((ids) => ids.join()))
  expect(doubt).toBe(inDoubt)
  // Not all batches are of ten: the last of a step has what is left.
  const idsAgain = batches.flat().length - new Set(batches.flat()).size
  expect(inDoubt).toBeGreaterThanOrEqual(idsAgain)
  expect(inDoubt).toBeLessThanOrEqual(10 * kills)
  expect(paid).toBeGreaterThanOrEqual(spent)
  expect(paid).toBeLessThanOrEqual(spent + inDoubt)
}, 180_000)

test('killed while the files are written: one CSV, one JSON, and Apollo is asked nothing again', async () => {
  const world = await startLeadgenWorld()
  world.s3?.fault({ slowMs: 250 })
  const params = { search: { person_locations: ['Germany'] }, target_leads: 10, minio_payload }
  const { id, status } = await runKilled(world, params, [0, 120, 240, 60, 180], () =>
    until('it writes', () => (world.s3?.open() ?? 0) > 0),
  )
  expect(status).toBe('succeeded')
  expect(await world.s3?.keys()).toEqual([`demo-imports/${id}.json`, `leadgen-csv/${id}.csv`])
  const { searches, batches } = await world.asked()
  expect([searches.length, batches.length]).toEqual([1, 1])
}, 60_000)

test('the time counts while it runs, over attempts', async () => {
  const world = await startLeadgenWorld({ apollo: { people: 60_000, latencyMs: 150 } })
  const params = {
    search: { person_locations: ['Germany'] },
    target_leads: 5000,
    max_runtime_ms: 2500,
    enrich: false,
  }
  const { id } = await runKilled(world, params, [1200, 900])
  const { rows } = await sql<{ ran: number; by: string; attempt: number }>`
    select ran_ms as ran, ended_by as by, attempt from ledger.leadgens l
    join ledger.job_calls c on c.id = l.job_call_id where c.id = ${id}`.execute(world.db)
  console.log(JSON.stringify(rows[0]))
  expect(rows[0]).toMatchObject({ by: 'max_runtime', attempt: 3 })
  expect(rows[0]?.ran).toBeGreaterThanOrEqual(2500)
  expect(rows[0]?.ran).toBeLessThan(3500)
  // Had each attempt its own 2.5 s, there would be twice as many.
  const { searches } = await world.asked()
  expect(searches.length).toBeLessThan(2500 / 150 + 4)
}, 60_000)
