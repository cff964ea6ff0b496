import { expect, test } from 'vitest'
import { type Found, withApollo } from './with-apollo.ts'

const ids = (people: readonly Found[]) => people.map(({ id }) => id)
const notMissed = { missRate: 0 }

test('filters filter: what comes has it, and what has it comes', async () => {
  const { searchAll, enrichAll } = await withApollo(notMissed)
  const everybody = await enrichAll(await searchAll({}))
  expect(everybody.length).toBe(6000)

  const filters = {
    person_locations: ['Germany', 'California', 'Paris, France'],
    person_seniorities: ['vp', 'director'],
    organization_num_employees_ranges: ['11,50', '201,20000'],
  }
  const isMeant = (one: (typeof everybody)[number]) => {
    const size = one.organization.estimated_num_employees
    return (
      (one.country === 'Germany' || one['state'] === 'California' || one.city === 'Paris') &&
      filters.person_seniorities.includes(one.seniority) &&
      ((size >= 11 && size <= 50) || size >= 201)
    )
  }
  const meant = everybody.filter(isMeant).map(({ id }) => id)
  expect(meant.length).toBeGreaterThan(50)
  expect(ids(await searchAll(filters)).toSorted()).toEqual(meant.toSorted())
})

test('titles: strict is the title itself, similar its trade; keywords are ANDed over names', async () => {
  const { searchAll, enrichAll, search } = await withApollo(notMissed)
  const asked = { person_titles: ['marketing manager'] }
  const strict = await enrichAll(await searchAll({ ...asked, include_similar_titles: false }))
  expect(new Set(strict.map(({ title }) => title))).toEqual(new Set(['Marketing Manager']))

  const similar = await enrichAll(await searchAll(asked))
  expect(new Set(similar.map(({ title }) => title)).size).toBe(8)
  expect(similar.every(({ title }) => title.includes('Marketing'))).toBe(true)

  const words = await enrichAll(await searchAll({ q_keywords: 'ROBOTICS kov' }))
  expect(words.length).toBeGreaterThan(0)
  for (const one of words) {
    expect(`${one.name} ${one.organization.name}`.toLowerCase()).toMatch(/kov.*robotics/)
  }
  const { total_entries: one } = await search({ q_keywords: 'robotics' })
  expect(one).toBeGreaterThan(words.length * 5)
})

test('widening widens: strict is within medium, medium within loose, each much larger', async () => {
  const { searchAll } = await withApollo()
  const loose = { person_titles: ['Head of Sales'], person_locations: ['United States'] }
  const medium = { ...loose, person_seniorities: ['head', 'vp', 'director'] }
  const keywords = { q_keywords: 'north', organization_num_employees_ranges: ['1,1000'] }
  const steps = [
    await searchAll({ ...medium, ...keywords, include_similar_titles: false }),
    await searchAll(medium),
    await searchAll(loose),
  ].map((people) => new Set(ids(people)))
  const [one = new Set(), two = new Set(), three = new Set()] = steps
  expect(one.isSubsetOf(two)).toBe(true)
  expect(two.isSubsetOf(three)).toBe(true)
  expect(one.size).toBeGreaterThan(0)
  expect(two.size).toBeGreaterThan(one.size * 5)
  expect(three.size).toBeGreaterThan(two.size * 2)
})

test('query and body say the same; what is unknown or misspelt is ignored', async () => {
  const { base, search } = await withApollo()
  const query = [
    'person_titles[]=VP%20of%20Data',
    'person_titles[]=Owner',
    'include_similar_titles=false',
    'revenue_range[min]=1000000',
    'per_page=100',
    'person_tiltes[]=none',
  ].join('&')
  const headers = { 'x-api-key': 'sandbox-key' }
  const url = `${base}/api/v1/mixed_people/api_search?${query}`
  const asked = await fetch(url, { method: 'POST', headers })
  const filters = {
    person_titles: ['VP of Data', 'Owner'],
    include_similar_titles: false,
    revenue_range: { min: 1_000_000 },
    per_page: 100,
  }
  const expected = await search(filters)
  expect(expected.total_entries).toBeGreaterThan(10)
  expect(await asked.json()).toEqual(expected)
  expect(await search({ ...filters, person_tiltes: ['CEO'] })).toEqual(expected)
  const everybody = await search({ person_tiltes: ['CEO'] })
  expect(everybody.total_entries).toBe(6000)
})

test('the documented shape: a masked name, flags, text for a phone, and nothing that costs', async () => {
  const { search } = await withApollo()
  const { people } = await search({ per_page: 100 })
  const keys = new Set(people.flatMap((person) => Object.keys(person)))
  expect([...keys].toSorted()).toEqual([
    'first_name',
    'has_city',
    'has_country',
    'has_direct_phone',
    'has_email',
    'has_state',
    'id',
    'last_name_obfuscated',
    'last_refreshed_at',
    'organization',
    'title',
  ])
  for (const person of people) {
    expect(person.id).toMatch(/^[0-9a-f]{24}$/)
    expect(person['last_name_obfuscated']).toMatch(/^..\*\*\*.$/u)
    expect([null, undefined]).not.toContain(typeof person['has_direct_phone'])
  }
  const phones = new Set(people.map((person) => String(person['has_direct_phone']).slice(0, 5)))
  expect(phones).toEqual(new Set(['Yes', 'Maybe', 'null', 'undef']))

  const old = await withApollo({ searchGivesLinkedin: true })
  const told = (await old.search({ per_page: 100 })).people.map((one) => one['linkedin_url'])
  expect(told.filter((url) => String(url).startsWith('http://www.linkedin.com/in/')).length).toBe(
    told.filter((url) => url !== null).length,
  )
})

test('120,000 people: 50,000 can be shown, page 501 is a 422, and total_entries is not capped', async () => {
  const { search, raw } = await withApollo({ people: 120_000 })
  const last = await search({ page: 500, per_page: 100 })
  expect([last.total_entries, last.people.length]).toEqual([120_000, 100])
  for (const beyond of [
    { page: 501, per_page: 100 },
    { page: 501, per_page: 1 },
    { page: 1, per_page: 101 },
    { page: 0 },
  ]) {
    expect([beyond, (await raw(beyond)).status]).toEqual([beyond, 422])
  }
  const narrow = { person_titles: ['Owner'], person_locations: ['Brno'] }
  const { total_entries: total } = await search({ ...narrow, per_page: 100 })
  const end = await search({ ...narrow, page: Math.ceil(total / 100) + 1, per_page: 100 })
  expect(end).toEqual({ total_entries: total, people: [] })
})

test('the same seed tells the same people, another one others', async () => {
  const first = await (await withApollo()).search({ per_page: 100 })
  expect(await (await withApollo()).search({ per_page: 100 })).toEqual(first)
  const other = await (await withApollo({ seed: 2 })).search({ per_page: 100 })
  expect(new Set(ids(other.people)).isDisjointFrom(new Set(ids(first.people)))).toBe(true)
  const same = other.people.filter((one, n) => one.first_name === first.people[n]?.first_name)
  expect(same.length).toBeLessThan(20)
})

test('drift: people come again on the next page, in another order each time', async () => {
  const { search } = await withApollo({ driftRows: 7, driftOrder: true })
  const first = await search({ page: 1, per_page: 50 })
  const second = await search({ page: 2, per_page: 50 })
  const seen = new Set(ids(first.people))
  expect(ids(second.people).filter((id) => seen.has(id)).length).toBe(7)
  const again = await search({ page: 2, per_page: 50 })
  expect(ids(again.people)).not.toEqual(ids(second.people))
  expect(ids(again.people).toSorted()).toEqual(ids(second.people).toSorted())
})
