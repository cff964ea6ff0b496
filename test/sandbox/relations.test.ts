import { expect, test } from 'vitest'
import { companyOf, ids, membersOf, page, sorted, withSandbox } from './with-sandbox.ts'

test('a company and its contacts name each other, in lists and in links', async () => {
  const { get, state } = await withSandbox()
  const contacts = (await state()).filter(({ kind }) => kind === 'contacts')
  const listed = await page(await get('/api/v4/companies?with=contacts&limit=250'))
  const { companies } = listed
  expect(companies.length).toBe(40)
  expect(companies.some((company) => membersOf(company)?.length === 0)).toBe(true)
  expect(contacts.some((contact) => companyOf(contact) === undefined)).toBe(true)

  for (const company of companies) {
    const members = ids(contacts.filter((one) => companyOf(one) === company.id))
    expect(sorted(membersOf(company) ?? [])).toEqual(sorted(members))
  }
  const query = companies.map(({ id }) => `filter[entity_id][]=${id}`).join('&')
  const links = await page(await get(`/api/v4/companies/links?${query}`))
  const { rows, total } = links
  expect(total).toBe(rows.length)
  expect(rows.some((row) => row.to_entity_type === 'leads')).toBe(true)
  const linked = rows.filter((row) => row.to_entity_type === 'contacts')
  const employed = contacts.filter((one) => companyOf(one) !== undefined)
  expect(sorted(linked.map((row) => row.to_entity_id))).toEqual(sorted(ids(employed)))
})

test('contacts are embedded in companies only when asked for', async () => {
  const { get } = await withSandbox()
  const [first] = (await page(await get('/api/v4/companies'))).companies
  expect(first && membersOf(first)).toBeUndefined()
})

test('links: entities are required, type alone filters nothing, the pair does', async () => {
  const { get, admin } = await withSandbox()
  expect((await get('/api/v4/companies/links')).status).toBe(400)

  const { companies } = await page(await get('/api/v4/companies?with=contacts&limit=250'))
  const large = companies.find((one) => (membersOf(one)?.length ?? 0) > 3)
  const member = large && membersOf(large)?.[0]
  const path = `/api/v4/companies/links?filter[entity_id]=${large?.id}`
  const all = await page(await get(path))
  const typed = await page(await get(`${path}&filter[to_entity_type]=contacts`))
  expect(typed.total).toBe(all.total)
  const pair = `&filter[to_entity_id]=${member}&filter[to_entity_type]=contacts`
  expect((await page(await get(path + pair))).total).toBe(1)

  const own = await page(await get(`/api/v4/companies/${large?.id}/links`))
  expect(own.rows[0]).not.toHaveProperty('entity_id')
  const back = await page(await get(`/api/v4/contacts/${member}/links`))
  expect(back.rows[0]).toMatchObject({ to_entity_id: large?.id })

  await admin('PATCH', '/amocrm/settings', { linksMaxRows: 2 })
  const capped = await page(await get(path))
  expect(capped.rows.length).toBe(2)
  expect(capped.total).toBe(all.total)
})

test('notes: in bulk, of one contact, by type, of companies', async () => {
  const { get, state } = await withSandbox()
  const notes = (await state()).filter(({ kind }) => kind === 'notes')
  const ofContacts = notes.filter((note) => note.entity_type === 'contacts')
  expect(new Set(ofContacts.map((note) => note.note_type)).size).toBeGreaterThan(5)
  const one = ofContacts[0]

  const bulk = await page(await get('/api/v4/contacts/notes?limit=250'))
  expect(ids(bulk.notes)).toEqual(ids(ofContacts).slice(0, 250))
  const own = await page(await get(`/api/v4/contacts/${one?.entity_id}/notes`))
  const named = await page(
    await get(`/api/v4/contacts/notes?filter[entity_id][]=${one?.entity_id}&limit=250`),
  )
  expect(ids(own.notes)).toEqual(ids(named.notes))
  const typed = await page(
    await get('/api/v4/contacts/notes?filter[note_type][]=common&filter[note_type][]=call_in'),
  )
  const types = new Set(typed.notes.map((note) => note.note_type))
  expect([...types].toSorted()).toEqual(['call_in', 'common'])
  const single = await get(`/api/v4/contacts/${one?.entity_id}/notes/${one?.id}`)
  expect(JSON.parse(await single.text()).id).toBe(one?.id)

  const ofCompanies = await page(await get('/api/v4/companies/notes?limit=250'))
  expect(ids(ofCompanies.notes)).toEqual(
    ids(notes.filter((note) => note.entity_type === 'companies')),
  )
})
