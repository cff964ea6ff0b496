import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { allContacts, type Entity, ids, page, sorted, withSandbox } from './with-sandbox.ts'

test('all pages together hold every live contact once, in order of id', async () => {
  const client = await withSandbox()
  const found = await allContacts(client, 'limit=250')
  expect(found.length).toBe(600)
  expect(ids(found)).toEqual(sorted(ids(found)))
  expect(new Set(ids(found)).size).toBe(600)
})

test('random filters, orders and page sizes give exactly what fits, once', async () => {
  const client = await withSandbox({ contacts: 300 })
  const state = (await client.state()).filter(({ kind }) => kind === 'contacts')
  const oneOf = fc.constantFrom(...state)
  const filters = fc.record(
    {
      ids: fc.array(fc.integer({ min: 5_100_017, max: 5_101_500 }), { minLength: 1 }),
      from: oneOf.map((contact) => contact.updated_at),
      to: oneOf.map((contact) => contact.updated_at),
      created: oneOf.map((contact) => contact.created_at),
      users: fc.array(fc.integer({ min: 901, max: 903 }), { minLength: 1 }),
      name: oneOf.map((contact) => contact.name),
    },
    { requiredKeys: [] },
  )
  const request = fc.record({
    filters,
    field: fc.constantFrom('id', 'updated_at'),
    direction: fc.constantFrom('asc', 'desc'),
    limit: fc.integer({ min: 20, max: 250 }),
    encoded: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(request, async ({ filters: given, field, direction, limit, encoded }) => {
      const parts = [
        ...(given.ids ?? []).map((id, n) => `filter[id][${n % 2 === 0 ? '' : n}]=${id}`),
        ...(given.users ?? []).map((id) => `filter[responsible_user_id][]=${id}`),
        given.from === undefined ? '' : `filter[updated_at][from]=${given.from}`,
        given.to === undefined ? '' : `filter[updated_at][to]=${given.to}`,
        given.created === undefined ? '' : `filter[created_at][from]=${given.created}`,
        given.name === undefined ? '' : `filter[name][]=${encodeURIComponent(given.name)}`,
        `order[${field}]=${direction}`,
        `limit=${limit}`,
      ].join('&')
      const query = encoded ? parts.replaceAll('[', '%5B').replaceAll(']', '%5D') : parts
      const found = await allContacts(client, query)
      const expected = state.filter(
        (contact) =>
          (given.ids?.includes(contact.id) ?? true) &&
          (given.users?.includes(contact.responsible_user_id) ?? true) &&
          contact.updated_at >= (given.from ?? 0) &&
          contact.updated_at <= (given.to ?? Infinity) &&
          contact.created_at >= (given.created ?? 0) &&
          contact.name === (given.name ?? contact.name),
      )
      expect(sorted(ids(found))).toEqual(sorted(ids(expected)))
      const value = (contact: Entity) => (field === 'id' ? contact.id : contact.updated_at)
      const values = direction === 'asc' ? found.map(value) : found.map(value).toReversed()
      expect(values).toEqual(sorted(values))
    }),
    { numRuns: 60 },
  )
})

test('contacts of one second come in an order that is not that of their ids', async () => {
  const client = await withSandbox()
  const { updated_at: second } = await mostCommonSecond(client)
  const tied = await allContacts(
    client,
    `filter[updated_at]=${second}&order[updated_at]=asc&limit=9`,
  )
  expect(tied.length).toBeGreaterThanOrEqual(20)
  expect(ids(tied)).not.toEqual(sorted(ids(tied)))
  expect(ids(tied)).not.toEqual(sorted(ids(tied)).toReversed())
  const byId = await allContacts(client, `filter[updated_at]=${second}&order[id]=desc`)
  expect(ids(byId)).toEqual(sorted(ids(tied)).toReversed())
})

async function mostCommonSecond(client: Awaited<ReturnType<typeof withSandbox>>) {
  const contacts = (await client.state()).filter(({ kind }) => kind === 'contacts')
  const groups = Object.values(Object.groupBy(contacts, ({ updated_at }) => updated_at))
  const largest = groups.toSorted((a, b) => (b?.length ?? 0) - (a?.length ?? 0))[0]?.[0]
  if (largest === undefined) throw new Error('there are no contacts')
  return largest
}

test('50 a page unless asked otherwise, and never more than 250', async () => {
  const { get } = await withSandbox()
  expect((await page(await get('/api/v4/contacts'))).contacts.length).toBe(50)
  const large = await page(await get('/api/v4/contacts?limit=500'))
  expect(large.contacts.length).toBe(250)
  expect(large.next).toContain('page=2&limit=250')
})

test('next leads to the following page, and is missing on the last one', async () => {
  const { get, sandbox } = await withSandbox({ contacts: 500 })
  const path = '/api/v4/contacts?limit=250&filter[updated_at][from]=1&order[updated_at]=desc'
  const first = await page(await get(path))
  const href = first.next ?? ''
  expect(href.startsWith(`${sandbox.baseUrls.amocrm}/api/v4/contacts?`)).toBe(true)
  const second = await page(await get(href.slice(sandbox.baseUrls.amocrm.length)))
  expect(second.number).toBe(2)
  expect(second.next).toBeUndefined()
  expect(new Set(ids([...first.contacts, ...second.contacts])).size).toBe(500)
})

test('phantomNext: next is there although the next page is empty', async () => {
  const { get } = await withSandbox({ contacts: 250, phantomNext: true })
  const only = await page(await get('/api/v4/contacts?limit=250'))
  expect(only.next).toBeDefined()
  expect((await get('/api/v4/contacts?limit=250&page=2')).status).toBe(204)
})

test('an empty list, a page past the end and an unknown id are 204 without a body', async () => {
  const { get } = await withSandbox()
  const paths = [
    '/api/v4/contacts?filter[id][]=1',
    '/api/v4/contacts?page=99',
    '/api/v4/contacts/1',
    '/api/v4/contacts/1/notes',
    '/api/v4/companies/1/links',
    '/api/v4/contacts?with=only_deleted',
  ]
  for (const path of paths) {
    const response = await get(path)
    expect([path, response.status, await response.text()]).toEqual([path, 204, ''])
  }
})

test('what the API does not know is ignored, as a filter by company', async () => {
  const client = await withSandbox()
  const query = 'filter[company_id][]=7200003&with=companies&filter[updated_at][gte]=1&limit=250'
  expect((await allContacts(client, query)).length).toBe(600)
})

test('custom fields are filtered by their values, and full text finds them', async () => {
  const client = await withSandbox()
  const phone = '+7 (999) 000-11-22'
  const changes = [{ op: 'update', id: 5_100_017, set: { phones: [phone], name: 'Needle' } }]
  await client.admin('POST', '/amocrm/changes', { changes })
  const value = encodeURIComponent(phone)
  const byField = `filter[custom_fields_values][71001][]=${value}`
  expect(ids(await allContacts(client, byField))).toEqual([5_100_017])
  expect(ids(await allContacts(client, 'query=needle'))).toEqual([5_100_017])
})

test.each([
  ['page=0', 'page'],
  ['page=abc', 'page'],
  ['limit=0', 'limit'],
  ['limit=-1', 'limit'],
  ['order[foo]=asc', 'order.foo'],
  ['order[id]=up', 'order.id'],
  ['filter[id][]=abc', 'filter.id'],
  ['filter[updated_at][from]=yesterday', 'filter.updated_at.from'],
])('nonsense is a 400 that names it: %s', async (query, path) => {
  const { get } = await withSandbox({ contacts: 1 })
  const response = await get(`/api/v4/contacts?${query}`)
  expect(response.status).toBe(400)
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  const body = JSON.parse(await response.text())
  expect(body['validation-errors'][0].errors[0].path).toBe(path)
})

test('with filtering off, every filter is ignored in silence and the order is kept', async () => {
  const client = await withSandbox({ filtersEnabled: false })
  const query = 'filter[id][]=5100017&filter[updated_at][from]=nonsense&limit=250'
  const found = await allContacts(client, `${query}&order[updated_at]=desc`)
  expect(found.length).toBe(600)
  const times = found.map((contact) => contact.updated_at)
  expect(times).toEqual(sorted(times).toReversed())
  const account = await client.get('/api/v4/account?with=is_api_filter_enabled')
  expect(JSON.parse(await account.text()).is_api_filter_enabled).toBe(false)
})
