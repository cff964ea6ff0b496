import { expect, test } from 'vitest'
import { crmWorld } from './crm-world.ts'
import { type Body, type Oddity } from './odd-server.ts'
import { differences } from './server-state.ts'

const shift = (query: URLSearchParams, key: string, by: number) => {
  const value = query.get(key)
  if (value !== null) query.set(key, String(Number(value) + by))
}
const clamp = (most: number) => (query: URLSearchParams) => {
  if (Number(query.get('limit') ?? 50) > most) query.set('limit', String(most))
}
const withoutLinks = (body: Body | undefined) => {
  if (!body) return undefined
  const { next } = (body._links ?? {}) as { next?: unknown }
  return { ...body, _links: next ? { next } : [] }
}

const oddities: [string, Oddity][] = [
  ['gives 100 records a page at most', { ask: clamp(100) }],
  ['gives 100 and tells no address of its own', { ask: clamp(100), answer: withoutLinks }],
  ['ignores the limit', { ask: (query) => query.has('limit') && query.set('limit', '60') }],
  ['leaves the end of a range out', { ask: (query) => shift(query, 'filter[updated_at][to]', -1) }],
  [
    'answers an empty list with 200',
    {
      answer: (body) => body ?? { _page: 1, _embedded: { contacts: [], companies: [], notes: [] } },
    },
  ],
  [
    'does not order by time',
    { ask: (query) => query.has('order[updated_at]') && query.delete('order[updated_at]') },
  ],
  [
    'does not order by id',
    {
      ask(query) {
        if (!query.has('order[id]')) return
        query.delete('order[id]')
        query.set('order[updated_at]', 'desc')
      },
    },
  ],
  [
    'knows no deleted ones',
    { ask: (query) => query.get('with') === 'only_deleted' && query.delete('with') },
  ],
  [
    'does not tell the company of a contact',
    {
      answer(body) {
        for (const contact of body?._embedded?.['contacts'] ?? [])
          contact['_embedded'] = { ...(contact['_embedded'] as object), companies: undefined }
        return body
      },
    },
  ],
]

test.each(oddities)('a server that %s', async (what, oddity) => {
  const world = await crmWorld({ oddity, amocrm: { contacts: 1300, companies: 130 } })
  await world.succeed()
  expect(await differences(world)).toEqual([])
  await world.change({ op: 'update', count: 20 })
  await world.succeed()
  expect(await differences(world)).toEqual([])
  await world.change({ op: 'insert', count: 20 })
  // Where contacts do not tell their company, new ones get it when the links are read again.
  await world.succeed({ full: what.includes('company') })
  expect(await differences(world)).toEqual([])
})

test.each(oddities.slice(0, 4))(
  '5,000 contacts of one second on a server that %s',
  async (_, oddity) => {
    const world = await crmWorld({ oddity, amocrm: { contacts: 50 } })
    await world.change({ op: 'insert', count: 5000, at: 1_748_000_000 })
    await world.succeed()
    expect(await differences(world)).toEqual([])
  },
)
