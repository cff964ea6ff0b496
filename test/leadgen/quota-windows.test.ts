import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { Parked } from '../../src/errors.ts'
import { readRefusal, readUse } from '../../src/etl/extract/apollo/rate-limits.ts'
import { createHttpClient, newMeter } from '../../src/etl/extract/http-client.ts'
import type { Window } from '../../src/etl/extract/quota-windows.ts'
import { json, startUpstream, upstreamAt } from '../etl/support/upstream-server.ts'
import { createDatabase } from '../support/database.ts'

const endpoint = '/search'

async function startWorld(windows: readonly Window[]) {
  const { db } = await createDatabase()
  const server = await startUpstream()
  const log = pino({ level: 'silent' })
  const http = createHttpClient({ db, log, worker: 'test', retryDelaysMs: [10, 20, 40] })
  onTestFinished(async () => {
    await http.close()
    await server.stop()
  })
  const upstream = upstreamAt(server.url, {
    windows: { endpoint, windows, readUse, readRefusal },
  })
  const never = new AbortController().signal
  const meter = newMeter()
  const send = (patience?: AbortSignal) =>
    http.send(
      upstream,
      { method: 'POST', path: endpoint, body: {} },
      { meter, signal: never, ...(patience && { patience }) },
    )
  const window = async (name: string) => {
    const { rows } = await sql<{ used: number; said_limit: number | null }>`
      select greatest(used, said_used) as used, said_limit from ledger.quota_windows where name = ${name}`.execute(
      db,
    )
    return rows[0]
  }
  return { db, server, send, window, meter }
}

const minute = (max?: number, ms = 60_000): Window => ({ name: 'minute', ms, max, fallback: 200 })
const hour = (max?: number): Window => ({ name: 'hour', ms: 3_600_000, max, fallback: 600 })
const day: Window = { name: 'day', ms: 86_400_000 }

test('a window that lasts longer than a minute parks the call until its end; it asks for nothing', async () => {
  const { server, send } = await startWorld([minute(), hour(3)])
  for (let n = 0; n < 3; n++) await send()
  const parked = await send().catch((error: unknown) => error)
  expect(parked).toBeInstanceOf(Parked)
  expect(String(parked)).toContain('3 requests per hour')
  const inMs = (parked as Parked).until.getTime() - Date.now()
  expect(inMs).toBeGreaterThan(3_590_000)
  expect(inMs).toBeLessThan(3_603_000)
  expect(server.asked.length).toBe(3)
})

test('headers correct it: the day in both spellings, the smaller of setting and header, nothing from none', async () => {
  const { server, send, window } = await startWorld([minute(100), hour(), day])
  await send()
  expect(await window('day')).toEqual({ used: 1, said_limit: null })
  const headers = { 'x-rate-limit-minute': '50', 'x-minute-usage': '7', 'x-rate-limit-hourly': '' }
  server.answer(json({}, 200, { ...headers, 'x-rate-limit-24-hour': '2000' }))
  await send()
  expect(await window('minute')).toEqual({ used: 7, said_limit: 50 })
  expect(await window('hour')).toEqual({ used: 2, said_limit: null })
  expect(await window('day')).toEqual({ used: 2, said_limit: 2000 })
  server.answer(json({}, 200, { 'x-rate-limit-daily': '900', 'x-daily-requests-left': '0' }))
  await send()
  expect(await window('day')).toEqual({ used: 900, said_limit: 900 })
  await expect(send()).rejects.toThrow('900 requests per day')
  expect(server.asked.length).toBe(3)
})

test('a 429 without Retry-After: waits for the end of the window that it names, then asks again', async () => {
  const { server, send, window, meter } = await startWorld([minute(undefined, 500), hour()])
  const full = json({ message: 'Quota for /search used up: 60 per minute.' }, 429)
  server.answerInTurn(json({}), full, json({ done: true }))
  await send()
  const begun = performance.now()
  const answer = await send()
  const tookMs = performance.now() - begun
  expect(answer.json()).toEqual({ done: true })
  // 500 ms, and two seconds more that a window may have opened later there.
  expect(tookMs).toBeGreaterThan(1900)
  expect(tookMs).toBeLessThan(5000)
  expect(await window('minute')).toEqual({ used: 1, said_limit: 60 })
  expect(meter).toMatchObject({ requests: 3, retries: 1, rateLimited: 1 })
})

test('a 429 that names the hour parks; one with Retry-After rests all as long as it says', async () => {
  const world = await startWorld([minute(), hour()])
  const text = 'The maximum number of api calls allowed for search is 600 times per hour.'
  world.server.answer(json({ message: text }, 429))
  await expect(world.send()).rejects.toBeInstanceOf(Parked)
  await expect(world.send()).rejects.toThrow('600 requests per hour')
  expect(world.server.asked.length).toBe(1)

  const other = await startWorld([minute(), hour()])
  other.server.answerInTurn(json({ message: 'slow down' }, 429, { 'retry-after': '1' }), json({}))
  const begun = performance.now()
  await other.send()
  expect(performance.now() - begun).toBeGreaterThan(950)
  expect(performance.now() - begun).toBeLessThan(3500)
})

test('who loses patience waits no longer, and what is on its way is still answered', async () => {
  const { server, send } = await startWorld([minute(1, 20_000)])
  const slow = new AbortController()
  server.answer((request, response) => {
    slow.abort(new Error('time is up'))
    setTimeout(() => json({ late: true })(request, response), 200)
  })
  expect((await send(slow.signal)).json()).toEqual({ late: true })
  const begun = performance.now()
  await expect(send(AbortSignal.timeout(300))).rejects.toThrow('timeout')
  expect(performance.now() - begun).toBeLessThan(1500)
})

const said = (message: string) => readRefusal({ text: () => JSON.stringify({ message }) })

test('what the texts and headers say', () => {
  expect(said('Quota for api/v1/people/bulk_match used up: 60 per hour.')).toEqual({
    name: 'hour',
    max: 60,
  })
  expect(said('... api_search is 200 times per minute.')).toEqual({ name: 'minute', max: 200 })
  expect(said('your daily limit is reached')).toEqual({ name: 'day', max: undefined })
  expect(said('too many requests')).toBeUndefined()
  expect(readUse({ headers: {} })).toEqual([])
  expect(readUse({ headers: { 'x-minute-usage': 'many', 'x-rate-limit-hourly': '0' } })).toEqual([])
})
