import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { Parked } from '../../src/errors.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { never, openHttpWorld, problem, web } from './support/http-world.ts'
import { type Handler, json, upstreamAt } from './support/upstream-server.ts'

const { ask, faultOf, openClient, server } = await openHttpWorld()

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

test.each(['0', '-5', '2, 3', 'soon', 'Wed, 21 Oct 2015 07:28:00 GMT'])(
  'Retry-After: %s asks for nothing: the wait is our own',
  async (asked) => {
    server.answerInTurn(problem(503, { 'retry-after': asked }), json({}))
    const client = openClient([300])
    const since = performance.now()
    await client.send(upstreamAt(server.url), { path: '/' }, { meter: newMeter(), signal: never })
    expect(performance.now() - since).toBeGreaterThan(290)
    await client.close()
  },
)

const cutJson: Handler = (_, response) => {
  response.writeHead(200, { 'content-type': 'application/json; charset=utf-8' })
  response.end('{"a":')
}

test('JSON that was cut on its way is asked for again, what is no JSON every time is not for ever', async () => {
  server.answerInTurn(cutJson, json({ a: 1 }))
  const { ended, meter } = await ask()
  expect(ended).toMatchObject({ status: 200 })
  expect(meter).toMatchObject({ requests: 2, retries: 1 })

  server.answer(cutJson)
  const fault = await faultOf()
  expect(fault).toMatchObject({ kind: 'bad_answer' })
  expect(fault.meter).toMatchObject({ requests: 4, retries: 3 })
})

test('an answer is asked for as it is; one that comes packed is named so', async () => {
  server.answer((request, response) => {
    expect(request.headers['accept-encoding']).toBe('identity')
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
    response.end(gzipSync('{}'))
  })
  const fault = await faultOf()
  expect(fault.message).toMatch(/JSON was due, not gzip, which was not asked for$/)
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
