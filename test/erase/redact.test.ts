import { expect, test } from 'vitest'
import type { Person } from '../../src/erase/find-person.ts'
import { redactor } from '../../src/erase/redact.ts'
import { withoutIds } from '../../src/etl/erased/without-erased.ts'

const nobody = { ids: [], names: [], addresses: [], things: [] }
const baker: Person = {
  ...nobody,
  kind: 'profile',
  source: 'instagram',
  ids: ['777001'],
  names: ['some.baker_'],
}
const lead: Person = {
  ...nobody,
  kind: 'lead',
  source: 'apollo',
  ids: ['66f0c0de0000000000000001'],
  addresses: ['https://www.linkedin.com/in/anna-b', 'anna@b.example'],
}

const isTheirs = (id: string) => id === '2'

test.each([
  ['no profile named some.baker_', 'no profile named [erased]'],
  ['Some.Baker_: what came is no profile', '[erased]: what came is no profile'],
  ['it was some.baker_.', 'it was [erased].'],
  ['@some.baker_ and https://x.example/some.baker_/', '[erased] and https://x.example/[erased]/'],
  ['post 3300_777001', 'post 3300_[erased]'],
  ['some.baker_2, some.baker_.x, xsome.baker_, 7770012, a777001', undefined],
])('of a profile: %s', (text, left = text) => {
  expect(redactor(baker).text(text)).toBe(left)
})

test.each([
  ['66f0c0de0000000000000001', '[erased]'],
  ['see linkedin.com/in/anna-b/', 'see [erased]/'],
  ['http://de.linkedin.com/in/Anna-B?x=1', '[erased]?x=1'],
  ['<ANNA@b.example>, joanna@b.example', '<[erased]>, joanna@b.example'],
  ['https://www.linkedin.com/in/anna-bell', undefined],
])('of a lead: %s', (text, left = text) => {
  expect(redactor(lead).text(text)).toBe(left)
})

test('lists leave them out, other values are masked, and what tells nothing of them is not copied', () => {
  expect(
    redactor(baker).json({
      usernames: ['a', 'some.baker_'],
      username: 'some.baker_',
      id: 777001,
      n: 1,
    }),
  ).toEqual({
    usernames: ['a'],
    username: '[erased]',
    id: '[erased]',
    n: 1,
  })
  const other = { usernames: ['a', 'some.baker'], ids: [7770012], deep: { text: ['some bakers'] } }
  expect(redactor(baker).json(other)).toBe(other)
  // Numbers that are some contact's id may be a company's as well.
  const contact: Person = { ...nobody, kind: 'contact', source: 'amocrm', ids: ['51'] }
  const params = { companyIds: [51, 52] }
  expect(redactor(contact).json(params)).toBe(params)
})

test('who is called like a word of ours is not looked for among those', () => {
  const redact = redactor({ ...baker, names: ['comments'] })
  const result = { username: 'anna', parts: ['profile', 'comments'] }
  expect(redact.json(result)).toBe(result)
  const error = { kind: 'comments', service: 'comments', message: 'no profile named comments' }
  expect(redact.json(error)).toEqual({ ...error, message: 'no profile named [erased]' })
  expect(redact.json({ usernames: ['anna', 'comments'] })).toEqual({ usernames: ['anna'] })
  expect(['comments', '3 comments a1', '33_777001'].map((one) => redact.subject(one))).toEqual([
    '[erased]',
    '3 comments a1',
    '33_[erased]',
  ])
  expect(redact.text('media of comments')).toBe('media of [erased]')
})

test('of a cursor that lists ids, theirs go; none is left where it listed no other', () => {
  const cursor = { ids: ['1', '2', '3'], size: 250 }
  expect(withoutIds(cursor, isTheirs)).toEqual({ ids: ['1', '3'], size: 250 })
  expect(withoutIds({ ids: ['2'], at: { page: 1 } }, isTheirs)).toBeNull()
  for (const same of [{ ids: ['1'] }, { from: 2, to: null }, { ids: 2 }, null, 'x'])
    expect(withoutIds(same, isTheirs)).toBe(same)
})
