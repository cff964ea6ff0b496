import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { startLeadgenWorld } from './support/leadgen-world.ts'

const germany = { person_locations: ['Germany'] }
/** Few by the letter, more with similar titles and any company size, many with any e-mail status. */
const narrow = {
  person_titles: ['Marketing Manager'],
  person_locations: ['Germany', 'France'],
  organization_num_employees_ranges: ['1,50'],
  contact_email_status: ['verified'],
}

const upTo = (last: number) => Array.from({ length: last }, (_, index) => index + 1)

test('a hundred leads from the first page: one search request, ten batches, each lead once', async () => {
  const { run, asked, db } = await startLeadgenWorld()
  const { call, result } = await run({ search: germany })
  expect(call.error).toBeNull()
  const { searches, batches } = await asked()
  expect(searches).toEqual(['page=1 per_page=100'])
  expect(batches.map((ids) => ids.length)).toEqual(Array.from({ length: 10 }, () => 10))
  expect(new Set(batches.flat()).size).toBe(100)

  const { rows: leads } = await sql<{ known: boolean; enrichment: string }>`
    select enrichment, p.last_name is not null as known from public.leadgen_leads l
    join public.leads p using (source, external_id) order by position`.execute(db)
  expect(leads.length).toBe(100)
  for (const { known, enrichment } of leads) expect(known).toBe(enrichment === 'matched')
  const matched = leads.filter(({ known }) => known).length
  expect(matched).toBeGreaterThan(85)
  const months = await db.selectFrom('ledger.credit_months').selectAll().execute()
  expect(months).toMatchObject([{ spent: matched, in_doubt: 0, budget: null }])
  const streams = await db
    .selectFrom('ledger.service_calls')
    .select(['operation', 'subject', 'status', 'pages', 'credits', 'credits_in_doubt'])
    .where('service', '=', 'apollo')
    .orderBy('operation', 'desc')
    .execute()
  const none = { status: 'done', credits: 0, credits_in_doubt: 0 }
  expect(streams).toEqual([
    { ...none, operation: 'people-search.strict', subject: '', pages: 1 },
    { ...none, operation: 'people-match', subject: 'strict 1', pages: 10, credits: matched },
  ])
  expect(result).toMatchObject({
    ended_by: 'target',
    leads: 100,
    steps: [{ step: 'strict', pages: 1, found: 100, new: 100 }],
  })
  const urls = result?.linkedin_urls ?? []
  expect(urls.length).toBeGreaterThan(80)
  expect(new Set(urls).size).toBe(urls.length)
  for (const url of urls) expect(url).toMatch(/^https:\/\/www\.linkedin\.com\/in\/[^/?]+$/)
})

test('a target that strict cannot fill: the steps in order, no page asked twice, no lead twice', async () => {
  // The index moves while it is read: people come again on later pages.
  const apollo = { people: 20_000, driftRows: 15, driftOrder: true }
  const { run, asked, db } = await startLeadgenWorld({ apollo })
  const { call, result } = await run({ search: narrow, target_leads: 450, enrich: false })
  expect(call.error).toBeNull()
  const { searches, pages, batches } = await asked()
  console.log(JSON.stringify(result?.steps), JSON.stringify(pages))
  expect(pages).toEqual(result?.steps.map((step) => upTo(step.pages)))
  expect(batches).toEqual([])
  expect(result?.steps.map(({ step }) => step)).toEqual(['strict', 'medium', 'loose'])
  expect(result?.ended_by).toBe('target')
  const { rows } = await sql<{ leads: number; people: number; steps: string[] }>`
    select count(*) as leads, count(distinct external_id) as people, array_agg(distinct step) as steps
    from public.leadgen_leads`.execute(db)
  expect(rows[0]).toMatchObject({ leads: 450, people: 450 })
  const sum = (name: 'new' | 'pages') => result?.steps.reduce((all, step) => all + step[name], 0)
  expect(sum('new')).toBe(450)
  expect(sum('pages')).toBe(searches.length)
  for (const step of result?.steps ?? []) expect(step.found).toBeLessThanOrEqual(100 * step.pages)
  // Each step is begun where the one before has been read to its end.
  const similar = searches.map((detail) => detail.includes('similar=true'))
  expect(similar).toEqual(similar.toSorted((a, b) => Number(a) - Number(b)))
  expect(searches[0]).toContain('similar=false')
})

test('a target that strict fills: no wider step is asked', async () => {
  const { run, asked } = await startLeadgenWorld()
  const search = { person_titles: ['Marketing Manager'], person_locations: ['Germany'] }
  const { result } = await run({ search, target_leads: 5 })
  expect(result).toMatchObject({ ended_by: 'target', leads: 5, steps: [{ step: 'strict' }] })
  const { searches, batches } = await asked()
  expect(searches.length).toBe(1)
  expect(batches.map((ids) => ids.length)).toEqual([5])
})

test('who is all there is: exhausted, each page once', async () => {
  const { run, asked } = await startLeadgenWorld({ apollo: { people: 6000 } })
  const { result } = await run({ search: narrow, target_leads: 5000, enrich: false })
  expect(result?.ended_by).toBe('exhausted')
  const { pages } = await asked()
  expect(pages).toEqual(result?.steps.map((step) => upTo(step.pages)))
  expect(result?.leads).toBe(result?.steps.reduce((all, step) => all + step.new, 0))
  expect(result?.leads).toBeGreaterThan(20)
})

test('time is up in mid-search: what was found is delivered, within the request at hand and a second', async () => {
  const apollo = { people: 60_000, latencyMs: 400 }
  const { run, asked, s3 } = await startLeadgenWorld({ apollo })
  const begun = performance.now()
  const search = { person_locations: ['Germany', 'France', 'United States'] }
  const { result, id } = await run({ search, target_leads: 5000, max_runtime_ms: 1500 })
  const tookMs = performance.now() - begun
  console.log(`max_runtime_ms 1500, answers of 400 ms: over after ${Math.round(tookMs)} ms`)
  expect(result?.ended_by).toBe('max_runtime')
  expect(tookMs).toBeGreaterThan(1500)
  expect(tookMs).toBeLessThan(1500 + 400 + 1000)
  const { searches, batches } = await asked()
  expect(searches.length).toBe(1)
  expect(batches.length).toBeGreaterThan(0)
  expect(batches.length).toBeLessThan(5)
  expect(result?.leads).toBe(100)
  expect(await s3?.keys()).toEqual([`leadgen-csv/${id}.csv`])
})

test('time that is up ends a wait for the quota, too', async () => {
  const apollo = { people: 60_000, searchPerMinute: 2 }
  const { run } = await startLeadgenWorld({ apollo })
  const begun = performance.now()
  const { result, call } = await run({
    search: germany,
    target_leads: 1000,
    max_runtime_ms: 1500,
    enrich: false,
  })
  expect(call.error).toBeNull()
  expect(result).toMatchObject({ ended_by: 'max_runtime', leads: 200 })
  expect(performance.now() - begun).toBeLessThan(2500)
})

test('max_credits bounds what is spent; the others are delivered as found', async () => {
  const { run, asked, db } = await startLeadgenWorld({ apollo: { people: 60_000, missRate: 0 } })
  const { result } = await run({ search: germany, target_leads: 250, max_credits: 23 })
  expect(result).toMatchObject({ ended_by: 'max_credits', leads: 100 })
  const { batches } = await asked()
  expect(batches.map((ids) => ids.length)).toEqual([10, 10, 3])
  const months = await db.selectFrom('ledger.credit_months').selectAll().execute()
  expect(months).toMatchObject([{ spent: 23, in_doubt: 0 }])
  const open = await db
    .selectFrom('ledger.service_calls')
    .select(['operation', 'status'])
    .where('service', '=', 'apollo')
    .orderBy('operation', 'desc')
    .execute()
  expect(open).toEqual([
    { operation: 'people-search.strict', status: 'skipped' },
    { operation: 'people-match', status: 'skipped' },
  ])
})

test('the month is a budget for all calls together', async () => {
  const env = { APOLLO_CREDITS_PER_MONTH: '35' }
  const { run, asked, db } = await startLeadgenWorld({ apollo: { missRate: 0 }, env })
  const first = await run({ search: germany, target_leads: 30 })
  expect(first.result).toMatchObject({ ended_by: 'target', leads: 30 })
  const second = await run({ search: { person_locations: ['France'] }, target_leads: 30 })
  expect(second.result).toMatchObject({ ended_by: 'quota', leads: 30 })
  const { batches } = await asked()
  expect(batches.map((ids) => ids.length)).toEqual([10, 10, 10, 5])
  const months = await db.selectFrom('ledger.credit_months').selectAll().execute()
  expect(months).toMatchObject([{ spent: 35, in_doubt: 0, budget: 35 }])
})

test('without enrich nothing is spent; an address that the search tells costs nothing', async () => {
  const apollo = { searchGivesLinkedin: true }
  const { run, asked, db } = await startLeadgenWorld({ apollo })
  const told = await run({ search: germany, target_leads: 60 })
  const { batches } = await asked()
  const without = 60 - (told.result?.linkedin_urls.length ?? 0)
  console.log(`60 leads, ${without} without an address: asked for ${batches.flat().length}`)
  expect(told.result).toMatchObject({ ended_by: 'target', leads: 60 })
  expect(batches.flat().length).toBeLessThan(10)
  const counts = await sql<{ enrichment: string; count: number }>`
    select enrichment, count(*) from public.leadgen_leads group by 1`.execute(db)
  const notNeeded = counts.rows.find(({ enrichment }) => enrichment === 'not needed')?.count
  expect(notNeeded).toBe(60 - batches.flat().length)

  const before = (await asked()).batches.length
  await run({ search: germany, target_leads: 60, enrich: false })
  expect((await asked()).batches.length).toBe(before)
})

test('misses that are left out of the answer are told apart by id', async () => {
  const apollo = { missesAs: 'omitted', missRate: 0.3 } as const
  const { run, db } = await startLeadgenWorld({ apollo })
  const { result } = await run({ search: germany })
  expect(result?.ended_by).toBe('target')
  const { rows } = await sql<{ enrichment: string; count: number; known: number }>`
    select enrichment, count(*), count(p.last_name) as known from public.leadgen_leads l
    join public.leads p using (source, external_id) group by 1 order by 1`.execute(db)
  const [matched, missed] = rows
  expect(matched?.known).toBe(matched?.count)
  expect(missed).toMatchObject({ enrichment: 'missed', known: 0 })
  expect((matched?.count ?? 0) + (missed?.count ?? 0)).toBe(100)
})
