import { expect, test } from 'vitest'
import { allContacts, type Client, ids, page, until, withSandbox } from './with-sandbox.ts'

const list = '/api/v4/contacts?limit=50'

async function fault(client: Client, ...faults: object[]) {
  const { status, text } = await client.admin('POST', '/amocrm/faults', faults)
  expect([status, text]).toEqual([200, text])
}

test('statuses come in order, as often as asked, on what they match', async () => {
  const client = await withSandbox()
  await fault(
    client,
    { kind: 'status', status: 503, times: 2, match: 'contacts?', retryAfter: 3600 },
    { kind: 'status', status: 402, body: 'problem', match: 'contacts?' },
    { kind: 'status', status: 400, body: { title: 'own' }, match: 'contacts?', skip: 1 },
  )
  expect((await client.get('/api/v4/companies?limit=1')).status).toBe(200)
  const answers: Response[] = []
  for (let n = 0; n < 6; n++) answers.push(await client.get(list))
  expect(answers.map(({ status }) => status)).toEqual([503, 503, 402, 200, 400, 200])
  expect(answers[0]?.headers.get('retry-after')).toBe('3600')
  expect(answers[0]?.headers.get('content-type')).toContain('text/html')
  expect(answers[2]?.headers.get('content-type')).toBe('application/problem+json')
  expect(await answers[4]?.text()).toBe('{"title":"own"}')
})

test('html: 200 with a page', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'html' })
  const response = await client.get(list)
  expect(response.status).toBe(200)
  expect(await response.text()).toMatch(/^<!DOCTYPE html>/)
})

test('truncate and reset: no whole answer', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'truncate' })
  const response = await client.get(list)
  expect(response.status).toBe(200)
  await expect(response.text()).rejects.toThrow('terminated')
  await fault(client, { kind: 'reset' })
  await expect(client.get(list)).rejects.toThrow('fetch failed')
  expect((await client.get(list)).status).toBe(200)
})

test('hang: no answer until the client gives up', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'hang' })
  const stop = new AbortController()
  const asked = fetch(`${client.sandbox.baseUrls.amocrm}${list}`, { signal: stop.signal })
  const reason = asked.then(
    () => 'answered',
    (error: unknown) => (error instanceof Error ? error.name : 'unknown'),
  )
  await until(async () => (await client.lines('/log')).length === 1)
  expect(await client.lines('/log')).toMatchObject([{ status: null }])
  stop.abort()
  expect(await reason).toBe('AbortError')
  await until(async () => (await client.admin('GET', '/log')).text.includes('"status":0'))
})

test('slow: later by so many ms', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'slow', ms: 600 })
  await client.get(list)
  await client.get(list)
  await until(async () => (await client.lines<{ ms: number | null }>('/log'))[1]?.ms !== null)
  const [slow, quick] = await client.lines<{ ms: number }>('/log')
  expect(slow?.ms).toBeGreaterThanOrEqual(595)
  expect(quick?.ms).toBeLessThan(595)
})

test('bad records, by position and by id, the others untouched', async () => {
  const client = await withSandbox()
  const how = ['idWord', 'noId', 'nameNumber', 'customFieldsShape', 'nullRecord', 'nulCharacter']
  await fault(client, { kind: 'badRecord', records: [0, 1, 2, 3, 4, 5], how })
  const { contacts } = await page(await client.get(list))
  expect(contacts[0]?.id).toBe('not-a-number')
  expect(contacts[1]).not.toHaveProperty('id')
  expect(contacts[2]?.name).toBe(12_345)
  expect(contacts[3]?.custom_fields_values).toEqual({ PHONE: '+7 000' })
  expect(contacts[4]).toBeNull()
  expect(contacts[5]?.name).toContain('\u0000')
  expect(contacts.length).toBe(50)

  const healthy = (await page(await client.get(list))).contacts
  expect(contacts.slice(6)).toEqual(healthy.slice(6))
  const bad = healthy[9]?.id ?? 0
  await fault(client, { kind: 'badRecord', ids: [bad], how: 'nameNumber', times: null })
  for (let n = 0; n < 2; n++) {
    const named = await page(await client.get(`/api/v4/contacts?filter[id][]=${bad}`))
    expect(named.contacts).toMatchObject([{ id: bad, name: 12_345 }])
  }
})

test('huge: more than 50 MB, made while it is sent', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'huge' })
  let bytes = 0
  for await (const chunk of (await client.get(list)).body ?? []) bytes += chunk.length
  expect(bytes).toBeGreaterThan(50 * 1024 * 1024)
})

test('invalidJson and wrongShape', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'invalidJson' })
  const invalid = await (await client.get(list)).text()
  expect(() => JSON.parse(invalid)).toThrow(SyntaxError)
  await fault(client, { kind: 'wrongShape' })
  const body = JSON.parse(await (await client.get(list)).text())
  expect(Object.keys(body)).toEqual(['_page', '_links'])
})

test('ignoreFilter, noNext and repeatPage', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'ignoreFilter' })
  const ignored = await page(await client.get('/api/v4/contacts?filter[id][]=5100017'))
  expect(ignored.contacts.length).toBe(50)
  await fault(client, { kind: 'noNext' })
  expect((await page(await client.get(list))).next).toBeUndefined()
  const first = await page(await client.get(list))
  await fault(client, { kind: 'repeatPage' })
  const again = await page(await client.get(`${list}&page=2`))
  expect(ids(again.contacts)).toEqual(ids(first.contacts))
})

test('faults that do not exclude each other hit the same request', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'noNext' }, { kind: 'badRecord', how: 'nullRecord' })
  const { next, contacts } = await page(await client.get(list))
  expect([next, contacts[0]]).toEqual([undefined, null])
})

test('cleared faults are gone; an unknown one is a 400', async () => {
  const client = await withSandbox()
  await fault(client, { kind: 'hang', times: null })
  expect((await client.admin('DELETE', '/amocrm/faults')).status).toBe(204)
  expect((await allContacts(client, 'limit=250')).length).toBe(600)
  expect((await client.admin('POST', '/amocrm/faults', [{ kind: 'flood' }])).status).toBe(400)
})
