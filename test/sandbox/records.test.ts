import { expect, test } from 'vitest'
import { type LogLine, until, withSandbox } from './with-sandbox.ts'

test('the log tells what was asked, and goes on after a number', async () => {
  const { get, lines } = await withSandbox()
  await get('/api/v4/contacts?filter%5Bid%5D[]=5100017&filter[id][]=1')
  await get('/api/v4/contacts/1')
  await until(async () => (await lines<LogLine>('/log')).every(({ status }) => status !== null))
  const log = await lines<LogLine>('/log')
  expect(log).toMatchObject([
    {
      n: 1,
      path: '/api/v4/contacts',
      query: 'filter[id][]=5100017&filter[id][]=1',
      ids: 2,
      rows: 1,
    },
    { n: 2, path: '/api/v4/contacts/1', query: '', status: 204, ids: 0, rows: 0, inFlight: 1 },
  ])
  expect(log[1]?.at).toBeGreaterThan(log[0]?.at ?? Infinity)
  expect((await lines<LogLine>('/log?since=1')).map(({ n }) => n)).toEqual([2])
})

test('the log is bounded', async () => {
  const { sandbox, get, lines } = await withSandbox({ contacts: 1, companies: 1 })
  const { createRequestLog } = await import('../../sandbox/request-log.ts')
  await get('/api/v4/account')
  const [entry] = await lines<ReturnType<ReturnType<typeof createRequestLog>['since']>[0]>('/log')
  const log = createRequestLog(10)
  for (let n = 1; n <= 105; n++) if (entry !== undefined) log.add({ ...entry, n })
  expect(log.since(0).map(({ n }) => n)).toEqual([96, 97, 98, 99, 100, 101, 102, 103, 104, 105])
  expect(sandbox.upstreams.map(({ name }) => name)).toEqual([
    'amocrm',
    'apollo',
    'instagram',
    'graph',
    'vision',
    'text-ml',
    'replicate',
  ])
})

test('statistics per endpoint and status, with the busiest second', async () => {
  const { get, admin } = await withSandbox({ perSecond: 4, latencyMs: 20 })
  await Promise.all([5100017, 2, 3, 4, 5].map((id) => get(`/api/v4/contacts/${id}`)))
  await admin('PATCH', '/amocrm/settings', { perSecond: 1000 })
  await get('/nonsense')
  await until(async () => (await admin('GET', '/stats')).text.includes('"404":1'))
  const { amocrm } = JSON.parse((await admin('GET', '/stats')).text)
  expect(amocrm).toMatchObject({ requests: 6, mostInASecond: 6, tooMany429: 1, forbidden403: 0 })
  expect(amocrm.endpoints['GET /api/v4/contacts/{id}']).toEqual({ 200: 1, 204: 3, 429: 1 })
  expect(amocrm.mostInFlight).toBeGreaterThan(1)
  expect(amocrm.lastAt).toBeGreaterThan(amocrm.firstAt)
})

test('no token in the log, the statistics, the settings or the page', async () => {
  const { sandbox, get, admin } = await withSandbox({ token: 'Hush-1', moreTokens: ['Hush-2'] })
  for (const token of ['Hush-1', 'Hush-2', 'Hush-3']) {
    await get('/api/v4/contacts?query=<script>alert(1)</script>', token)
  }
  const page = await (await fetch(`${sandbox.url}/`)).text()
  const shown = [page]
  for (const path of ['/log', '/stats', '/amocrm/settings']) {
    shown.push((await admin('GET', path)).text)
  }
  expect(shown.join('\n')).not.toMatch(/hush|bearer/i)
  expect(page).toContain('GET /api/v4/contacts')
  expect(page).toContain('&lt;script&gt;')
  expect(page).not.toContain('<script>')
})

test('settings change at run time; an unknown one is refused', async () => {
  const { get, admin } = await withSandbox({ contacts: 300 })
  const changed = await admin('PATCH', '/amocrm/settings', { token: 'new', phantomNext: true })
  expect(JSON.parse(changed.text)).toMatchObject({ phantomNext: true, blocked: false })
  expect((await get('/api/v4/account')).status).toBe(401)
  expect((await get('/api/v4/account', 'new')).status).toBe(200)
  const wrong = await admin('PATCH', '/amocrm/settings', { latency: 5 })
  expect(wrong.status).toBe(400)
  expect(wrong.text).toContain('latency')
})

test('the admin API says what it does not have', async () => {
  const { admin } = await withSandbox({ contacts: 1 })
  expect((await admin('GET', '/nowhere')).status).toBe(404)
  expect((await admin('DELETE', '/stats')).status).toBe(405)
  expect((await admin('GET', '/log?since=x')).status).toBe(400)
})
