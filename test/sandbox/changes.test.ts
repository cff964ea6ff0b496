import { expect, test } from 'vitest'
import {
  type Client,
  companyOf,
  ids,
  membersOf,
  page,
  sorted,
  withSandbox,
} from './with-sandbox.ts'

const clock = 1_760_000_000

async function change(client: Client, ...changes: object[]) {
  const { status, text } = await client.admin('POST', '/amocrm/changes', { changes })
  expect([status, text]).toEqual([200, text])
  return JSON.parse(text).applied
}

async function contact(client: Client, id: number) {
  const response = await client.get(`/api/v4/contacts?filter[id][]=${id}`)
  return response.status === 204 ? undefined : (await page(response)).contacts[0]
}

test('an update changes the record and moves it to the end of what was updated', async () => {
  const client = await withSandbox({ clock })
  await change(client, { op: 'update', id: 5_100_017, set: { name: 'Новое имя' } })
  const newest = await page(await client.get('/api/v4/contacts?order[updated_at]=desc&limit=1'))
  expect(newest.contacts[0]).toMatchObject({
    id: 5_100_017,
    name: 'Новое имя',
    updated_at: clock,
  })
})

test('the clock of changes is real time unless it is set', async () => {
  const client = await withSandbox({ contacts: 5 })
  const before = Math.floor(Date.now() / 1000)
  await change(client, { op: 'update', id: 5_100_017 })
  expect((await contact(client, 5_100_017))?.updated_at).toBeGreaterThanOrEqual(before)
  await change(client, { op: 'update', id: 5_100_017, at: 7 })
  expect((await contact(client, 5_100_017))?.updated_at).toBe(7)
})

test('a deleted contact leaves the lists and stands among the deleted', async () => {
  const client = await withSandbox({ clock })
  await change(client, { op: 'delete', id: 5_100_017 })
  expect(await contact(client, 5_100_017)).toBeUndefined()
  const deleted = await page(await client.get('/api/v4/contacts?with=only_deleted'))
  expect(deleted.contacts).toMatchObject([{ id: 5_100_017, is_deleted: true, updated_at: clock }])
  const line = (await client.state()).find(({ id }) => id === 5_100_017)
  expect(line).toMatchObject({ is_deleted: true, listed: true })
  const companies = await page(await client.get('/api/v4/companies?with=contacts&limit=250'))
  expect(companies.companies.flatMap(membersOf)).not.toContain(5_100_017)
})

test('deleted without a trace: only the state tells', async () => {
  const client = await withSandbox()
  await change(client, { op: 'delete', id: 5_100_017, trace: false, bump: false })
  expect((await client.get('/api/v4/contacts?with=only_deleted')).status).toBe(204)
  const line = (await client.state()).find(({ id }) => id === 5_100_017)
  expect(line).toMatchObject({ is_deleted: true, listed: false })
  expect(line?.updated_at).toBeLessThan(clock)
})

test('linking and unlinking leave updated_at alone, unless asked', async () => {
  const client = await withSandbox({ clock })
  const before = await contact(client, 5_100_017)
  await change(client, { op: 'link', id: 5_100_017, company_id: 7_200_003 })
  const linked = await contact(client, 5_100_017)
  expect(linked && companyOf(linked)).toBe(7_200_003)
  expect(linked?.updated_at).toBe(before?.updated_at)
  await change(client, { op: 'unlink', id: 5_100_017, bump: true })
  const unlinked = await contact(client, 5_100_017)
  expect(unlinked && companyOf(unlinked)).toBeUndefined()
  expect(unlinked?.updated_at).toBe(clock)
})

test('a merge moves phones and notes to the survivor', async () => {
  const client = await withSandbox({ clock })
  const set = { phones: ['111'], emails: [] }
  const [, , note] = await change(
    client,
    { op: 'update', id: 5_100_017, set },
    { op: 'insert', set: { name: 'Survivor', phones: ['222'] } },
    { op: 'note', set: { entity_id: 5_100_017, note_type: 'common' } },
  )
  const newest = (await client.state()).find(({ name }) => name === 'Survivor')?.id ?? 0
  await change(client, { op: 'merge', id: 5_100_017, into: newest })
  expect(JSON.stringify((await contact(client, newest))?.custom_fields_values)).toMatch(/222.*111/)
  const notes = await page(await client.get(`/api/v4/contacts/${newest}/notes`))
  expect(ids(notes.notes)).toContain(note.id)
})

test('a deleted company leaves its contacts without one', async () => {
  const client = await withSandbox()
  const listed = await page(await client.get('/api/v4/companies?with=contacts&limit=250'))
  const company = listed.companies.find((one) => (membersOf(one)?.length ?? 0) > 0)
  await change(client, { op: 'delete', entity: 'companies', id: company?.id })
  const contacts = (await client.state()).filter(({ kind }) => kind === 'contacts')
  expect(contacts.map(companyOf)).not.toContain(company?.id)
})

const mixed = [
  { op: 'insert' },
  { op: 'update', count: 3 },
  { op: 'delete' },
  { op: 'link' },
  { op: 'unlink' },
  { op: 'merge' },
  { op: 'note' },
  { op: 'insert', entity: 'companies' },
  { op: 'delete', entity: 'companies' },
]

test('spread changes come after every k-th request, so many and no more', async () => {
  const client = await withSandbox({ clock })
  const script = { changes: mixed, everyRequests: 2, total: 5, perStep: 2, match: 'page=' }
  await client.admin('POST', '/amocrm/changes', script)
  const made = []
  for (let n = 1; n <= 8; n++) {
    await client.get('/api/v4/account')
    await client.get(`/api/v4/contacts?page=${n}`)
    const { text } = await client.admin('GET', '/amocrm/changes')
    made.push(JSON.parse(text).scripts[0].made)
  }
  expect(made).toEqual([0, 2, 2, 4, 4, 5, 5, 5])
})

test('the same seed, changes and requests end in the same state, and the lists agree', async () => {
  const ends: string[] = []
  for (let run = 0; run < 2; run++) {
    const client = await withSandbox({ clock, contacts: 200 })
    const script = { changes: mixed, everyRequests: 1, total: 300, perStep: 20, seed: 5 }
    await client.admin('POST', '/amocrm/changes', script)
    for (let n = 0; n < 15; n++) await client.get('/api/v4/contacts')
    const { text } = await client.admin('GET', '/amocrm/state')
    ends.push(text)
    const state = await client.state()
    const live = state.filter((one) => one.kind === 'contacts' && !one.is_deleted)
    const listed = await page(await client.get('/api/v4/contacts?limit=250'))
    expect(listed.contacts.map(({ id, name }) => [id, name])).toEqual(
      live.map(({ id, name }) => [id, name]),
    )
    const { companies } = await page(await client.get('/api/v4/companies?with=contacts&limit=250'))
    for (const company of companies) {
      const members = ids(live.filter((one) => companyOf(one) === company.id))
      expect(sorted(membersOf(company) ?? [])).toEqual(sorted(members))
    }
  }
  expect(ends[0]).toBe(ends[1])
})

test('a named record that is not there is skipped and said; nonsense is a 400', async () => {
  const client = await withSandbox({ contacts: 5 })
  const applied = await change(client, { op: 'update', id: 1 })
  expect(applied).toEqual([{ op: 'update', id: 1, skipped: 'no such live record' }])
  const wrong = await client.admin('POST', '/amocrm/changes', { changes: [{ op: 'explode' }] })
  expect(wrong.status).toBe(400)
  expect(wrong.text).toContain('op')
})

test('reset brings back the world of the seed', async () => {
  const client = await withSandbox({ clock })
  const { text: before } = await client.admin('GET', '/amocrm/state')
  await change(client, { op: 'delete', count: 10 })
  await client.admin('PATCH', '/amocrm/settings', { filtersEnabled: false })
  expect((await client.admin('POST', '/reset', { only: ['world'] })).status).toBe(204)
  expect((await client.admin('GET', '/amocrm/state')).text).toBe(before)
  expect((await client.admin('GET', '/amocrm/settings')).text).toContain('"filtersEnabled":false')
  await client.admin('POST', '/reset')
  expect((await client.admin('GET', '/amocrm/settings')).text).toContain('"filtersEnabled":true')
})
