import { expect, test } from 'vitest'
import { until } from './with-sandbox.ts'
import { objectIn, withApollo } from './with-apollo.ts'

test('enrichment: ten at most, matches in order, misses null or left out, a credit a match', async () => {
  const { search, bulk, post, admin, sandbox } = await withApollo({ missRate: 0.3 })
  const asked = (await search({ per_page: 100 })).people.map(({ id }) => id)
  let [credits, missing] = [0, 0]
  for (let start = 0; start < 100; start += 10) {
    const ten = asked.slice(start, start + 10)
    const answer = await bulk(ten)
    for (const [n, match] of answer.matches.entries())
      expect([ten[n], null]).toContain(match?.id ?? null)
    expect(answer.matches.length).toBe(10)
    expect(answer.credits_consumed).toBe(answer.matches.filter((match) => match !== null).length)
    credits += answer.credits_consumed
    missing += answer.missing_records
  }
  expect(credits + missing).toBe(100)
  expect(missing).toBeGreaterThan(10)
  const settings = await (await fetch(`${sandbox.url}/_sandbox/apollo/settings`)).text()
  expect(JSON.parse(settings)).toMatchObject({ creditsSpent: credits })
  expect(settings).not.toContain('sandbox-key')

  await admin('PATCH', '/apollo/settings', { missesAs: 'omitted' })
  const omitted = await bulk(asked.slice(0, 10))
  expect(omitted.matches.length).toBe(omitted.credits_consumed)
  const eleven = asked.slice(0, 11).map((id) => ({ id }))
  expect((await post('people/bulk_match', { details: eleven })).status).toBe(422)
  expect((await post('people/bulk_match', {})).status).toBe(422)
  const strangers = await bulk(['64f0aa11bb22cc33dd44ee55', 'x', ''])
  expect(strangers.credits_consumed).toBe(0)
})

test('enrichment finds by LinkedIn or e-mail address too; an empty balance refuses the whole call', async () => {
  const { search, bulk, post } = await withApollo({ missRate: 0, credits: 12 })
  const { people } = await search({ per_page: 10 })
  const { matches } = await bulk(people.map(({ id }) => id))
  const person = matches.find((match) => match?.linkedin_url && match.email)
  const details = [{ linkedin_url: person?.linkedin_url }, { email: person?.email }]
  const again = await post('people/bulk_match', { details })
  expect(await again.json()).toMatchObject({
    matches: [{ id: person?.id }, { id: person?.id }],
    credits_consumed: 2,
    unique_enriched_records: 1,
  })
  const refused = await post('people/bulk_match', { details: [{ id: person?.id }] })
  expect(refused.status).toBe(422)
  expect((await objectIn(refused))['error']).toContain('insufficient credits')
})

test('windows are fixed, each endpoint has its own, and headers count them in both spellings', async () => {
  const { raw, post } = await withApollo({
    searchPerMinute: 3,
    searchPerHour: 5,
    minuteMs: 400,
    searchPerDay: 100,
  })
  const statuses = async (count: number) => {
    const answers = await Promise.all(Array.from({ length: count }, () => raw({})))
    return answers.map(({ status }) => status).toSorted((a, b) => a - b)
  }
  const first = await raw({})
  const of = (name: string) => first.headers.get(`x-${name}`)
  expect(['rate-limit-minute', 'minute-usage', 'minute-requests-left'].map(of)).toEqual([
    '3',
    '1',
    '2',
  ])
  expect(['rate-limit-hourly', 'hourly-usage', 'hourly-requests-left'].map(of)).toEqual([
    '5',
    '1',
    '4',
  ])
  expect(['rate-limit-daily', 'daily-requests-left'].map(of)).toEqual(['100', '99'])
  expect(['rate-limit-24-hour', '24-hour-usage'].map(of)).toEqual(['100', '1'])

  expect(await statuses(4)).toEqual([200, 200, 429, 429])
  expect((await post('people/bulk_match', { details: [{ id: 'x' }] })).status).toBe(200)
  await new Promise((resolve) => setTimeout(resolve, 420))
  expect(await statuses(3)).toEqual([200, 200, 429])
  const refused = await raw({})
  expect(await refused.json()).toEqual({
    message:
      'The maximum number of api calls allowed for api/v1/mixed_people/api_search is 5 times per hour.',
  })
  expect(refused.headers.get('retry-after')).toBeNull()
  expect(refused.headers.get('x-rate-limit-hourly')).toBeNull()
})

test.each(['daily', '24-hour', 'none'] as const)(
  'rate headers can be spelled: %s',
  async (rateHeaders) => {
    const { raw, admin } = await withApollo({ rateHeaders, searchPerMinute: 1 })
    const { headers } = await raw({})
    expect(headers.has('x-rate-limit-daily')).toBe(rateHeaders === 'daily')
    expect(headers.has('x-rate-limit-24-hour')).toBe(rateHeaders === '24-hour')
    expect(headers.has('x-rate-limit-minute')).toBe(rateHeaders !== 'none')
    await admin('PATCH', '/apollo/settings', { retryAfter: true, headersOn429: true })
    const refused = await raw({})
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50)
    expect(refused.headers.get('x-minute-requests-left')).toBe(rateHeaders === 'none' ? null : '0')
  },
)

test('401 as JSON or as text, 403 for a key of another scope, 422 for a key in the wrong place', async () => {
  const { post, admin, base } = await withApollo({ scopedKeys: ['scoped'] })
  const path = 'mixed_people/api_search'
  const wrong = await post(path, {}, { 'x-api-key': 'wrong' })
  expect([wrong.status, Object.keys(await objectIn(wrong))]).toEqual([401, ['error']])
  await admin('PATCH', '/apollo/settings', { unauthorizedAs: 'text' })
  const text = await post(path, {}, { 'x-api-key': '' })
  expect([text.status, text.headers.get('content-type')]).toEqual([
    401,
    'text/plain; charset=utf-8',
  ])
  const scoped = await post('people/bulk_match', {}, { 'x-api-key': 'scoped' })
  expect([scoped.status, await scoped.json()]).toMatchObject([
    403,
    { error_code: 'API_INACCESSIBLE' },
  ])
  expect((await post(path, { api_key: 'sandbox-key' })).status).toBe(422)
  expect((await post(`${path}?api_key=sandbox-key`, {})).status).toBe(422)
  expect((await post(path, { organization_industry_tag_ids: ['software'] })).status).toBe(422)
  expect((await post(path, { person_titles: 'CEO' })).status).toBe(422)
  expect((await post(path, '{"page":')).status).toBe(422)
  expect((await post('people/search', {})).status).toBe(404)
  const headers = { 'x-api-key': 'sandbox-key' }
  expect((await fetch(`${base}/api/v1/${path}`, { headers })).status).toBe(405)
})

test('faults hit what they match in address or body; the log tells page and ids, never a key', async () => {
  const { raw, bulk, search, admin, log, post } = await withApollo()
  await admin('POST', '/apollo/faults', [
    { kind: 'status', status: 503, match: 'page=2' },
    { kind: 'badRecord', records: [1], match: 'page=3' },
    { kind: 'wrongShape', match: 'page=4' },
    { kind: 'truncate', match: 'bulk_match' },
  ])
  expect((await raw({ page: 1 })).status).toBe(200)
  expect((await raw({ page: 2 })).status).toBe(503)
  expect(await objectIn(await raw({ page: 3, per_page: 2 }))).toMatchObject({
    people: [{}, { id: 'not-a-number' }],
  })
  expect(Object.keys(await objectIn(await raw({ page: 4 })))).toEqual(['total_entries'])
  const { people } = await search({ per_page: 10 })
  const asked = people.map(({ id }) => id)
  await expect(bulk(asked)).rejects.toThrow('terminated')
  await post('mixed_people/api_search?api_key=secret-one', { api_key: 'secret-two', page: 9 })

  await until(async () => (await log()).every(({ status }) => status !== null))
  const lines = await log()
  expect(lines.map(({ detail }) => detail.slice(0, 20))).toEqual([
    'page=1',
    'page=2',
    'page=3 per_page=2',
    'page=4',
    'per_page=10',
    `ids=${asked[0]?.slice(0, 16)}`,
    'page=9',
  ])
  expect(lines[5]?.detail).toBe(`ids=${asked.join(',')}`)
  expect(lines[5]?.ids).toBe(10)
  expect(JSON.stringify(lines)).not.toMatch(/secret|sandbox-key/)
})

test('latency is between its bounds, when asked for', async () => {
  const { raw, log } = await withApollo({ latencyMs: 30, latencyMaxMs: 1500 })
  await Promise.all(Array.from({ length: 20 }, () => raw({})))
  await until(async () => (await log()).every(({ ms }) => ms !== null))
  const times = (await log()).map(({ ms }) => ms ?? 0)
  expect(Math.min(...times)).toBeGreaterThanOrEqual(29)
  // Wide apart, since a busy machine adds a tenth of a second to each.
  expect(Math.min(...times)).toBeLessThan(750)
  expect(Math.max(...times)).toBeGreaterThan(1000)
})
