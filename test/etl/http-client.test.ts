import { sql } from 'kysely'
import { pino } from 'pino'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { Fault, Parked } from '../../src/errors.ts'
import { unblock } from '../../src/etl/extract/breaker.ts'
import {
  createHttpClient,
  newMeter,
  type Request,
  type Upstream,
} from '../../src/etl/extract/http-client.ts'
import { HttpFault } from '../../src/etl/extract/verdict.ts'
import { createSharedDatabase, type SharedDatabase } from './support/database.ts'
import { until } from '../support/until.ts'
import {
  type Handler,
  json,
  page,
  startUpstream,
  type UpstreamServer,
  upstreamAt,
} from './support/upstream-server.ts'

const secret = 'hush-hush-token'
const never = new AbortController().signal
const printed: string[] = []
const log = pino({ level: 'trace' }, { write: (line: string) => void printed.push(line) })
const silent = pino({ level: 'silent' })
let database: SharedDatabase
let server: UpstreamServer
let http: ReturnType<typeof openClient>

beforeAll(async () => {
  database = await createSharedDatabase()
  server = await startUpstream()
  http = openClient()
})
afterAll(async () => {
  await http.close()
  await server.stop()
  await database.stop()
})
afterEach(() => {
  server.answer(json({}))
  server.asked.length = 0
})

/** A client on a pool of its own, as in another process. */
function openClient() {
  const { db } = database.connect()
  return createHttpClient({ db, log, worker: 'test', retryDelaysMs: [5, 10, 20] })
}

async function ask(
  request: Partial<Request> = {},
  upstream: Partial<Upstream> = {},
  signal = never,
) {
  const meter = newMeter()
  const sent = http.send(
    upstreamAt(server.url, upstream),
    { path: '/api/v4/contacts', ...request },
    { meter, signal },
  )
  return { meter, ended: await sent.catch((error: unknown) => error) }
}

/** How it failed; none of it may hold the secret. */
async function faultOf(request: Partial<Request> = {}, upstream: Partial<Upstream> = {}) {
  const { meter, ended } = await ask(request, upstream)
  if (!(ended instanceof Fault)) throw new Error('it did not fail', { cause: ended })
  const { kind, message, hint, retriable, service, cause } = ended
  const { status, body } = ended instanceof HttpFault ? ended : {}
  const seen = { kind, message, hint, retriable, service, status, body, cause: String(cause) }
  expect(JSON.stringify(seen)).not.toContain(secret)
  log.error({ err: ended }, 'failed')
  return { ...seen, meter }
}

test('sends what was asked for, counts it, and parses the answer', async () => {
  let got: { headers: unknown; body: string } | undefined
  server.answer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += chunk))
    request.on('end', () => {
      got = { headers: request.headers, body }
      json({ contacts: [1, 2] }, 200, { 'x-request-id': 'req-1' })(request, response)
    })
  })
  const { ended, meter } = await ask(
    { method: 'POST', path: '/search', query: 'page=2', body: { q: 'a' } },
    { baseUrl: `${server.url}/v9/` },
  )
  expect(server.asked).toEqual(['POST /v9/search?page=2'])
  expect(got?.body).toBe('{"q":"a"}')
  expect(got?.headers).toMatchObject({
    authorization: `Bearer ${secret}`,
    accept: 'application/json',
  })
  expect(ended).toMatchObject({ status: 200, bytes: 18 })
  expect(meter).toMatchObject({ requests: 1, retries: 0, rateLimited: 0, bytes: 18 })
  expect(printed.join('')).toContain('"requestId":"req-1"')
})

test('an answer is parsed once, and can still be quoted', async () => {
  server.answer(json({ contacts: [1, 2] }))
  const answer = await http.send(
    upstreamAt(server.url),
    { path: '/' },
    { meter: newMeter(), signal: never },
  )
  expect(answer.json()).toEqual({ contacts: [1, 2] })
  expect(answer.json()).toBe(answer.json())
  expect(answer.quote()).toBe('{"contacts":[1,2]}')
})

test('204 is an answer without a body', async () => {
  server.answer((_request, response) => response.writeHead(204).end())
  const answer = await http.send(
    upstreamAt(server.url),
    { path: '/empty' },
    { meter: newMeter(), signal: never },
  )
  expect(answer).toMatchObject({ status: 204, bytes: 0 })
  expect(answer.json()).toBeUndefined()
})

const problem = (status: number, headers = {}) =>
  json({ title: 'No', status, detail: `it holds ${secret}` }, status, {
    'content-type': 'application/problem+json',
    ...headers,
  })
const web = (status: number, headers = {}) =>
  page(`\n<html>No ${secret}\n<p>more</p></html>`, status, headers)

test.for<[string, Handler, object]>([
  [
    '401',
    problem(401),
    {
      kind: 'unauthorized',
      status: 401,
      retriable: false,
      hint: expect.stringContaining('AMOCRM_ACCESS_TOKEN'),
    },
  ],
  [
    '402',
    problem(402),
    {
      kind: 'blocked',
      status: 402,
      retriable: false,
      hint: expect.stringContaining('unblock amocrm'),
    },
  ],
  ['403 as JSON', problem(403), { kind: 'forbidden', status: 403, retriable: false }],
  [
    '403 as a page',
    web(403),
    {
      kind: 'blocked',
      status: 403,
      hint: expect.stringContaining('npm run ledger -- unblock amocrm'),
    },
  ],
  ['404', problem(404), { kind: 'not_found', status: 404 }],
  ['400', problem(400), { kind: 'bad_request', status: 400 }],
  ['413', web(413), { kind: 'bad_request', status: 413 }],
  ['414', web(414), { kind: 'bad_request', status: 414 }],
  ['422', problem(422), { kind: 'bad_request', status: 422 }],
  [
    'a redirect',
    web(302, { location: 'https://elsewhere.test/login?token=x' }),
    {
      kind: 'bad_answer',
      status: 302,
      retriable: false,
      message: expect.stringMatching(/elsewhere\.test\/login(?!\?)/),
    },
  ],
  [
    'a page where JSON was due',
    web(200),
    { kind: 'bad_answer', retriable: true, message: expect.stringContaining('<html>No [hidden]') },
  ],
])('%s: its kind, at once', async ([, handler, expected]) => {
  server.answer(handler)
  const fault = await faultOf({ query: 'page=1' })
  expect(fault).toMatchObject({ service: 'amocrm', ...expected })
  expect(fault.message).toMatch(/^GET \/api\/v4\/contacts: \d+ /)
  expect(fault.message).not.toContain('<p>')
  expect(fault.meter).toMatchObject({ requests: 1, retries: 0 })
  expect(server.asked).toHaveLength(1)
})

test('what is no JSON is quoted when it is parsed; a service can judge its answers itself', async () => {
  server.answer((_request, response) => response.end(`{"cut ${secret}`))
  const answer = await http.send(
    upstreamAt(server.url),
    { path: '/cut' },
    { meter: newMeter(), signal: never },
  )
  expect(() => answer.json()).toThrow('GET /cut: JSON was due, not "{"cut [hidden]"')

  server.answer(problem(404))
  const judged = await ask({}, { judge: ({ status }) => (status === 404 ? 'fine' : undefined) })
  expect(judged.ended).toMatchObject({ status: 404 })
})

test('5xx: three times more, then it is the upstream’s fault', async () => {
  server.answer(web(504))
  const fault = await faultOf()
  expect(fault).toMatchObject({ kind: 'upstream', status: 504, retriable: true })
  expect(fault.meter).toMatchObject({ requests: 4, retries: 3 })
  expect(server.asked).toHaveLength(4)

  server.answerInTurn(web(500), problem(503), json({ well: true }))
  const { ended, meter } = await ask()
  expect(ended).toMatchObject({ status: 200 })
  expect(meter).toMatchObject({ requests: 3, retries: 2 })
})

test('429: rests as long as it is asked to, and is counted', async () => {
  server.answerInTurn(web(429, { 'retry-after': '1' }), json({}))
  const since = performance.now()
  const { ended, meter } = await ask()
  expect(performance.now() - since).toBeGreaterThan(990)
  expect(ended).toMatchObject({ status: 200 })
  expect(meter).toMatchObject({ requests: 2, retries: 1, rateLimited: 1 })

  server.answer(web(429, { 'retry-after': '0' }))
  const fault = await faultOf()
  expect(fault).toMatchObject({ kind: 'rate_limited', status: 429, retriable: true })
  expect(fault.meter).toMatchObject({ requests: 4, retries: 3, rateLimited: 4 })
})

test('Retry-After as a date is read against the date of the answer', async () => {
  const theirs = new Date('2031-05-01T10:00:00Z')
  const headers = {
    date: theirs.toUTCString(),
    'retry-after': new Date(theirs.getTime() + 1000).toUTCString(),
  }
  server.answerInTurn(problem(503, headers), json({}))
  const since = performance.now()
  const { ended } = await ask()
  expect(ended).toMatchObject({ status: 200 })
  expect(performance.now() - since).toBeGreaterThan(990)
  expect(performance.now() - since).toBeLessThan(3000)
})

test('a wait of more than a minute is not slept: parked, with everyone else of the account', async () => {
  const upstream = upstreamAt(server.url)
  server.answer(web(429, { 'retry-after': '3600' }))
  const { ended } = await ask({}, upstream)
  if (!(ended instanceof Parked)) throw ended
  expect(Math.abs(ended.until.getTime() - Date.now() - 3_600_000)).toBeLessThan(5000)
  const other = openClient()
  const second = other.send(upstream, { path: '/' }, { meter: newMeter(), signal: never })
  await expect(second).rejects.toBeInstanceOf(Parked)
  expect(server.asked).toHaveLength(1)
  await other.close()
})

const cut: Handler = (_request, response) => response.destroy()
const amid: Handler = (_request, response) => {
  response.writeHead(200, { 'content-length': '100' })
  response.write('{"a":', () => response.destroy())
}

test('a connection cut before or amid the answer is tried again', async () => {
  server.answerInTurn(cut, amid, json({}))
  const { ended, meter } = await ask()
  expect(ended).toMatchObject({ status: 200 })
  expect(meter).toMatchObject({ requests: 3, retries: 2 })
  server.answer(amid)
  expect(await faultOf()).toMatchObject({ kind: 'network', retriable: true })
})

test('nobody there: a network fault, and no request is counted', async () => {
  const fault = await faultOf({ method: 'POST' }, { baseUrl: 'http://127.0.0.1:1' })
  expect(fault).toMatchObject({ kind: 'network' })
  expect(fault.message).toContain('ECONNREFUSED')
  expect(fault.meter).toMatchObject({ requests: 0, retries: 3 })
})

test('a POST is sent again only where that does no harm', async () => {
  server.answer(web(500))
  expect((await faultOf({ method: 'POST', body: {} })).meter).toMatchObject({
    requests: 1,
    retries: 0,
  })
  expect((await faultOf({ method: 'POST', body: {}, idempotent: true })).meter).toMatchObject({
    requests: 4,
  })
  server.answer((_request, response) => response.destroy())
  expect((await faultOf({ method: 'POST', body: {} })).meter).toMatchObject({
    requests: 1,
    retries: 0,
  })
})

test('time-outs: no head, a body that stops, one that trickles on', async () => {
  const once: Partial<Request> = { method: 'POST' }
  // undici looks at these about twice a second.
  const timeouts = { headersMs: 50, bodyMs: 50 }
  server.answer(() => {})
  expect(await faultOf(once, { timeouts })).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('HEADERS_TIMEOUT'),
  })
  server.answer((_request, response) => void response.write('{'))
  expect(await faultOf(once, { timeouts })).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('BODY_TIMEOUT'),
  })
  server.answer((_request, response) => {
    const trickle = setInterval(() => response.write(' '), 10)
    response.on('close', () => clearInterval(trickle))
  })
  expect(await faultOf(once, { timeouts: { totalMs: 300 } })).toMatchObject({
    kind: 'network',
    message: expect.stringContaining('within 300 ms'),
  })
}, 15_000)

test('an answer that is too large fails as soon as it is', async () => {
  let written = 0
  server.answer((_request, response) => {
    response.on('error', () => {})
    const more = () => {
      if (response.destroyed || written > 1e8) return
      written += 10_000
      response.write('x'.repeat(10_000), more)
    }
    more()
  })
  const fault = await faultOf({}, { maxBodyBytes: 50_000 })
  expect(fault).toMatchObject({
    kind: 'bad_answer',
    retriable: false,
    message: expect.stringContaining('larger than 50000'),
  })
  expect(fault.meter).toMatchObject({ requests: 1, retries: 0 })
  expect(written).toBeLessThan(1e7)
})

test.for<[string, Handler, boolean]>([
  ['in flight', () => {}, false],
  ['amid the body', (_request, response) => void response.write('{'), false],
  ['while it rests after a 503', web(503, { 'retry-after': '30' }), true],
  ['while all rest after a 429', web(429, { 'retry-after': '30' }), true],
])('aborting %s ends it at once, with the reason', async ([, handler, comes]) => {
  const stop = new AbortController()
  server.answer(handler)
  const from = printed.length
  const asked = ask({}, {}, stop.signal)
  await until('the request', () => server.asked.length === 1)
  if (comes)
    await until('its answer', () => printed.slice(from).some((line) => line.includes('"answered"')))
  const since = performance.now()
  stop.abort(new Fault('cancelled', 'enough'))
  expect((await asked).ended).toMatchObject({ kind: 'cancelled' })
  // What it breaks off would have lasted thirty seconds.
  expect(performance.now() - since).toBeLessThan(800)
})

test('aborting while waiting for a slot or for room ends it at once', async () => {
  const upstream = upstreamAt(server.url, { perSecond: 1, maxInFlight: 3 })
  const stop = new AbortController()
  const asked = Array.from({ length: 8 }, () => ask({}, upstream, stop.signal))
  await Promise.race(asked)
  const since = performance.now()
  stop.abort(new Fault('cancelled', 'enough'))
  const ends = await Promise.all(asked)
  // Sooner than the next slot comes, let alone those after it.
  expect(performance.now() - since).toBeLessThan(800)
  expect(ends.filter(({ ended }) => ended instanceof Fault)).toHaveLength(7)
  expect(server.asked).toHaveLength(1)
})

test('who is more urgent goes first', async () => {
  const upstream = upstreamAt(server.url, { perSecond: 10 })
  const send = (path: string, priority: number) =>
    http.send(upstream, { path }, { meter: newMeter(), signal: never, priority })
  // All in one go: two of them stand at the quota before it comes, and nothing else can get ahead of it.
  const many = Array.from({ length: 12 }, (_, n) => send(`/${n}`, 5))
  await Promise.all([...many, send('/urgent', 1)])
  // A slow machine may miss the slot: the one that asks next to it is then ahead, too.
  expect(server.asked.indexOf('GET /urgent')).toBeLessThan(6)
})

test('where much is allowed, requests follow one another at once', async () => {
  const upstream = upstreamAt(server.url, { perSecond: 100_000 })
  const quiet = createHttpClient({ db: database.connect().db, log: silent, worker: 'test' })
  const meter = newMeter()
  const since = performance.now()
  let left = 2000
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      while (left-- > 0) await quiet.send(upstream, { path: '/' }, { meter, signal: never })
    }),
  )
  const perSecond = (2000 / (performance.now() - since)) * 1000
  console.log(`2000 requests, 4 at a time: ${perSecond.toFixed(0)} a second`)
  expect(meter.requests).toBe(2000)
  // 160 where each waits for a timer or two; 3000 and more on a machine that does nothing else.
  expect(perSecond).toBeGreaterThan(500)
  await quiet.close()
}, 20_000)

test('the block of an account stops every process, until it is lifted', async () => {
  const upstream = upstreamAt(server.url, { perSecond: 5 })
  const other = openClient()
  const sendOther = () =>
    other.send(upstream, { path: '/other' }, { meter: newMeter(), signal: never })
  server.answer(json({}))
  await sendOther()
  server.answer(web(403))
  expect((await ask({}, upstream)).ended).toMatchObject({ kind: 'blocked', status: 403 })
  const before = server.asked.length
  await expect(sendOther()).rejects.toMatchObject({
    kind: 'blocked',
    message: expect.stringContaining('403'),
  })
  expect((await ask({}, upstream)).ended).toMatchObject({ kind: 'blocked' })
  expect(server.asked.length).toBe(before)
  const { db } = database.connect()
  const { rows } =
    await sql`select service, opened_by, reason from ledger.breakers where account = ${upstream.account}`.execute(
      db,
    )
  expect(rows).toEqual([
    { service: 'amocrm', opened_by: 'test', reason: expect.stringContaining('<html>No [hidden]') },
  ])

  await unblock(db, 'amocrm')
  server.answer(json({}))
  await sendOther()
  await other.close()
})

test('usage is there per service and hour, and counts what the server saw', async () => {
  const client = openClient()
  const upstream = upstreamAt(server.url, { service: 'usage' })
  const context = { meter: newMeter(), signal: never }
  server.answerInTurn(web(500), web(429, { 'retry-after': '0' }), json({ a: 1 }))
  await client.send(upstream, { path: '/' }, context)
  client.addCredits('usage', 3)
  const { db } = database.connect()
  const read = async () => {
    const { rows } = await sql<{ requests: number }>`
      select requests, retries, rate_limited, credits, bytes, hour = date_trunc('hour', hour, 'UTC') as whole
      from ledger.upstream_usage where service = 'usage'`.execute(db)
    return rows[0]
  }
  await until('usage, written by itself', async () => (await read()) !== undefined)
  await client.send(upstream, { path: '/' }, context)
  await client.close()
  expect(await read()).toEqual({
    requests: 4,
    retries: 2,
    rate_limited: 1,
    credits: 3,
    bytes: context.meter.bytes,
    whole: true,
  })
  expect(context.meter).toMatchObject({ requests: 4, retries: 2, rateLimited: 1 })
  await expect(client.send(upstream, { path: '/' }, context)).rejects.toMatchObject({
    kind: 'interrupted',
  })
})

test('a header that HTTP does not allow is a matter of the settings', async () => {
  const fault = await faultOf({}, { headers: { authorization: `Bearer ${secret}\n` } })
  expect(fault).toMatchObject({
    kind: 'settings',
    retriable: false,
    message: expect.stringContaining('authorization'),
  })
  expect(server.asked).toHaveLength(0)
})

test('whatever the client was made to say, at trace, the secret is not in it', () => {
  expect(printed.length).toBeGreaterThan(100)
  expect(printed.join('')).not.toContain(secret)
})
