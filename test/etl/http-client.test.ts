import { expect, test } from 'vitest'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { never, openHttpWorld, problem, secret, web } from './support/http-world.ts'
import { type Handler, json, upstreamAt } from './support/upstream-server.ts'

const { ask, faultOf, http, printed, server } = await openHttpWorld()

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

test('a header that HTTP does not allow is a matter of the settings', async () => {
  const fault = await faultOf({}, { headers: { authorization: `Bearer ${secret}\n` } })
  expect(fault).toMatchObject({
    kind: 'settings',
    retriable: false,
    message: expect.stringContaining('authorization'),
  })
  expect(server.asked).toHaveLength(0)
})
