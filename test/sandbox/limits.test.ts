import * as fc from 'fast-check'
import { performance } from 'node:perf_hooks'
import { expect, test } from 'vitest'
import { createGate } from '../../sandbox/amocrm/gate.ts'
import { defaultOptions } from '../../sandbox/amocrm/options.ts'
import { withSandbox } from './with-sandbox.ts'

const statuses = (responses: readonly Response[], status: number) =>
  responses.filter((response) => response.status === status)

test('the eighth request in a second is a 429 in HTML, without Retry-After', async () => {
  const { get } = await withSandbox({ perSecond: 7, contacts: 10 })
  const responses = await Promise.all(Array.from({ length: 12 }, () => get('/api/v4/contacts')))
  expect(statuses(responses, 200).length).toBe(7)
  const [refused] = statuses(responses, 429)
  expect(statuses(responses, 429).length).toBe(5)
  expect(refused?.headers.get('content-type')).toContain('text/html')
  expect(refused?.headers.get('retry-after')).toBeNull()
  expect(await refused?.text()).toContain('<center>nginx</center>')
})

test('however requests come, no second admits more than its limit, nor turns one away early', () => {
  // Round gaps too, so that some requests come exactly a second apart.
  const gap = fc.oneof(fc.double({ min: 0, max: 400, noNaN: true }), fc.constantFrom(0, 100, 250))
  const gaps = fc.array(gap, { maxLength: 200 })
  const exact = Array.from({ length: 20 }, () => 125)
  fc.assert(
    fc.property(gaps, (steps) => {
      const gate = createGate()
      const settings = { ...defaultOptions, blockAfter429s: null }
      const admitted: number[] = []
      let now = 0
      for (const step of steps) {
        now += step
        const recent = admitted.filter((at) => now - at < 1000).length
        const verdict = gate.judge('token', now, settings)
        expect(verdict).toBe(recent < 7 ? 'in' : 'too many')
        if (verdict === 'in') admitted.push(now)
      }
    }),
    { examples: [[exact]] },
  )
})

test('ten 429s within ten seconds block everything, until support lifts it', async () => {
  const { get, admin } = await withSandbox({ perSecond: 1, contacts: 10 })
  const responses = await Promise.all(Array.from({ length: 11 }, () => get('/api/v4/contacts')))
  expect(statuses(responses, 429).length).toBe(10)
  const blocked = await get('/api/v4/account')
  expect(blocked.status).toBe(403)
  expect(blocked.headers.get('content-type')).toContain('text/html')
  expect((await get('/api/v4/contacts', 'wrong')).status).toBe(403)

  await admin('PATCH', '/amocrm/settings', { unblock: true, perSecond: 1000 })
  expect((await get('/api/v4/account')).status).toBe(200)
})

test('429s block by how close they come: nine in ten seconds are let pass', () => {
  const settings = { ...defaultOptions, perSecond: 1 }
  const blockedAfterAskingEvery = (ms: number) => {
    const gate = createGate()
    for (let now = 0; now < 200_000; now += ms) gate.judge('token', now, settings)
    return gate.isBlocked()
  }
  // One refusal every 1.2 s, and two every 1.35 s.
  expect(blockedAfterAskingEvery(600)).toBe(false)
  expect(blockedAfterAskingEvery(450)).toBe(true)
})

test('integrations have quotas of their own, and share that of the account', async () => {
  const { get } = await withSandbox({
    perSecond: 7,
    accountPerSecond: 10,
    moreTokens: ['second'],
    contacts: 10,
  })
  const ask = (token: string) => Array.from({ length: 7 }, () => get('/api/v4/account', token))
  const first = await Promise.all(ask('sandbox-token'))
  const second = await Promise.all(ask('second'))
  expect(statuses(first, 200).length).toBe(7)
  expect(statuses(second, 200).length).toBe(3)
})

test('a missing or wrong token is a 401 problem', async () => {
  const { get, sandbox } = await withSandbox({ contacts: 1, token: 'right' })
  const wrong = await get('/api/v4/contacts', 'wrong')
  expect(wrong.status).toBe(401)
  expect(wrong.headers.get('content-type')).toBe('application/problem+json')
  expect(JSON.parse(await wrong.text())).toMatchObject({ title: 'Unauthorized', status: 401 })
  expect((await fetch(`${sandbox.baseUrls.amocrm}/api/v4/contacts`)).status).toBe(401)
  expect((await get('/api/v4/contacts', 'right')).status).toBe(200)
})

test('an unknown path is a 404 problem, writing is a 405, a long address a 414 page', async () => {
  const { get, sandbox } = await withSandbox({ contacts: 1 })
  for (const path of ['/api/v4/leads', '/api/v4/contacts/abc', '/api/v5/contacts']) {
    const response = await get(path)
    expect([path, response.status]).toEqual([path, 404])
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  }
  const headers = { authorization: 'Bearer sandbox-token' }
  const write = { method: 'POST', headers, body: '[]' }
  const written = await fetch(`${sandbox.baseUrls.amocrm}/api/v4/contacts`, write)
  expect(written.status).toBe(405)
  const long = await get(`/api/v4/contacts?${'filter[id][]=5100017&'.repeat(450)}`)
  expect(long.status).toBe(414)
  expect(long.headers.get('content-type')).toContain('text/html')
})

test('every answer names itself, and lists are HAL', async () => {
  const { get } = await withSandbox({ contacts: 1 })
  const [one, other] = [await get('/api/v4/contacts'), await get('/api/v4/contacts/1')]
  expect(one.headers.get('content-type')).toBe('application/hal+json')
  expect(one.headers.get('x-request-id')).not.toBe(other.headers.get('x-request-id'))
  expect(other.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test('answers wait side by side: twenty of 200 ms each take far less than 4 s', async () => {
  const { get } = await withSandbox({ contacts: 10, latencyMs: 200 })
  const start = performance.now()
  await Promise.all(Array.from({ length: 20 }, () => get('/api/v4/contacts')))
  const took = performance.now() - start
  expect(took).toBeGreaterThanOrEqual(195)
  expect(took).toBeLessThan(1500)
})
