import { expect, test } from 'vitest'
import { crmWorld } from './crm-world.ts'
import { type Body, type Oddity } from './odd-server.ts'
import { contactRows, differences, stateOf } from './server-state.ts'

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
/** Its own address tells the limit that was asked for, whatever it gives. */
const tellsWhatWasAsked: Oddity['answer'] = (body, asked) =>
  body && withLinks(body, { self: { href: `/api/v4/contacts?${asked.toString()}` } })
const withLinks = (body: Body, links: object): Body => ({
  ...body,
  _links: { ...(body._links as object), ...links },
})

const alwaysMore: Oddity['answer'] = (body) =>
  withLinks(body ?? { _embedded: { contacts: [], companies: [] } }, { next: { href: '/more' } })
const startsLate: Oddity['ask'] = (query) => shift(query, 'filter[updated_at][from]', 1)

const oddities: [string, Oddity][] = [
  ['gives 100 records a page at most', { ask: clamp(100) }],
  ['gives 100 and tells no address of its own', { ask: clamp(100), answer: withoutLinks }],
  ['gives 100 and tells 250', { ask: clamp(100), answer: tellsWhatWasAsked }],
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

test.each(oddities.slice(0, 5))(
  '5,000 contacts of one second on a server that %s',
  async (_, oddity) => {
    const world = await crmWorld({ oddity, amocrm: { contacts: 50 } })
    await world.change({ op: 'insert', count: 5000, at: 1_748_000_000 })
    await world.succeed()
    expect(await differences(world)).toEqual([])
  },
)

/** Counts contacts and leaves them out of their pages. A page with a link to the next one then has few of them, or none. */
const hides = (isHidden: (id: number) => boolean): Oddity => ({
  answer(body) {
    const { contacts } = body?._embedded ?? {}
    if (!body || !contacts) return body
    const shown = contacts.filter(({ id }) => !isHidden(Number(id)))
    return { ...body, _embedded: { contacts: shown } }
  },
})

test.each([{ filtersEnabled: true }, { filtersEnabled: false }])(
  'contacts that are left out of pages hide none of the others: %j',
  async (options) => {
    const hidden = new Set<number>()
    const oddity = hides((id) => hidden.has(id))
    const world = await crmWorld({ oddity, amocrm: { contacts: 1300, ...options } })
    await world.change({ op: 'insert', entity: 'contacts', count: 600, at: 1_748_000_000 })
    const contacts = (await stateOf(world)).filter(
      ({ kind, is_deleted }) => kind === 'contacts' && !is_deleted,
    )
    // Runs of 350 and all but the last of one second, whose ids are the highest.
    const byTime = contacts.toSorted((a, b) => a.updated_at - b.updated_at || a.id - b.id)
    for (const [i, { id }] of byTime.entries()) if (i % 500 < 350) hidden.add(id)
    for (const { id } of contacts.slice(-600, -1)) hidden.add(id)
    await world.succeed()
    const rows = (await contactRows(world)).map(({ id }) => Number(id))
    const due = contacts.map(({ id }) => id).filter((id) => !hidden.has(id))
    expect(rows.toSorted((a, b) => a - b)).toEqual(due.toSorted((a, b) => a - b))
  },
)

test('200 contacts of one second on a server that gives 100 and tells 250', async () => {
  const oddity = { ask: clamp(100), answer: tellsWhatWasAsked }
  const world = await crmWorld({ oddity, amocrm: { contacts: 500 } })
  await world.change({ op: 'insert', count: 200, at: 1_748_000_000 })
  expect(await world.succeed()).toBeLessThan(25)
  expect(await differences(world)).toEqual([])
})

test('changes of this minute on a server that leaves the start of a range out', async () => {
  const world = await crmWorld({ oddity: { ask: startsLate }, amocrm: { contacts: 300 } })
  await world.change({ op: 'update', count: 5, at: Math.floor(Date.now() / 1000) + 5 })
  expect(await world.succeed()).toBeLessThan(20)
  expect(await differences(world)).toEqual([])
})

test('a list that says without end that more follows fails with what is wrong', async () => {
  const world = await crmWorld({
    oddity: { answer: alwaysMore },
    amocrm: { contacts: 300, companies: 10 },
  })
  const call = await world.run()
  expect(call.error).toMatchObject({ message: expect.stringMatching(/bring/) })
})
