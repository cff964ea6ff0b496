import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { unblock } from '../../src/etl/extract/breaker.ts'
import { createHttpClient, newMeter, type Request } from '../../src/etl/extract/http-client.ts'
import { until } from '../support/until.ts'
import { commits } from './support/commits.ts'
import { never, openHttpWorld, web } from './support/http-world.ts'
import { type Handler, json, upstreamAt } from './support/upstream-server.ts'

const { ask, database, faultOf, http, openClient, printed, server } = await openHttpWorld()

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

test('where one answer came later than others, its request may have been counted later: its lane rests longer', async () => {
  const account = 'answers-late'
  const { db } = database.connect()
  const slow = 80
  const countedMs = async () => {
    const { rows: lanes } = await sql<{ ms: number }>`
      select (extract(epoch from sent_before - ${rows[0]?.now}) * 1000)::float8 as ms from ledger.quota_lanes
      where account = ${account} and sent_after = sent_before and isfinite(sent_before) order by slot desc limit 1`.execute(
      db,
    )
    return lanes[0]?.ms ?? 0
  }
  for (let n = 0; n < 40; n++) await ask({}, { account })
  server.answer((request, response) => setTimeout(() => json({})(request, response), slow))
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(db)
  await ask({}, { account })
  await until('its lane counts as used later', async () => (await countedMs()) > slow - 20)
  expect(await countedMs()).toBeLessThan(slow + 500)
})

test('where much is allowed, requests follow one another at once', async () => {
  const upstream = upstreamAt(server.url, { perSecond: 100_000 })
  const quiet = createHttpClient({
    db: database.connect().db,
    log: pino({ level: 'silent' }),
    worker: 'test',
  })
  const meter = newMeter()
  const before = await commits(database.connect().db)
  let left = 2000
  await Promise.all(
    [1, 2, 3, 4].map(async () => {
      while (left-- > 0) await quiet.send(upstream, { path: '/' }, { meter, signal: never })
    }),
  )
  const queries = (await commits(database.connect().db)) - before
  console.log(`2000 requests, 4 at a time: ${queries} queries`)
  expect(meter.requests).toBe(2000)
  // Slots come many at a time: hardly any request waits for the database.
  expect(queries).toBeLessThan(2000 / 8)
  await quiet.close()
}, 60_000)

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
