import { hash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { scrubRecord } from '../../src/etl/erased/scrub.ts'
import { erasedIn, tombstoneOf } from '../../src/etl/erased/tombstones.ts'

const hashes = new Set(['777001', '@an.na_'].map((name) => tombstoneOf('instagram', name)))
const isErased = erasedIn('instagram', hashes)
const posts = { source: 'instagram', entity: 'posts' }
const scrub = (record: unknown) => scrubRecord(posts, record, isErased)

test('a tombstone is a hash of source and id', () => {
  expect(tombstoneOf('amocrm', '5100030')).toBe(hash('sha256', 'amocrm:5100030'))
})

const other = fc.record({
  pk: fc.constantFrom('1', '2', 7770012),
  username: fc.constantFrom('bob', 'an.na'),
})
const them = fc.constantFrom<object>(
  { pk: 777001 },
  { id: '777001', username: 'x' },
  { username: 'An.Na_' },
  { strong_id__: '777001' },
)
const words = fc.constantFrom('hi @bob', '@an.na is another', '777001 likes', 'an.na_', 'me@an.na_')

const isThem = (one: object) =>
  Object.values(one).some((value) => /^(777001|an\.na_)$/i.test(String(value)))

test('lists leave a person out, texts their name, and all else stays as it is', () => {
  const record = fc.record({
    pk: fc.constant('9'),
    user: other,
    caption: fc
      .array(fc.oneof(words, fc.constant('@AN.NA_!'), fc.constant('@an.na_.')))
      .map((all) => all.join(' ')),
    usertags: fc.array(fc.oneof(other, them).map((user) => ({ user, x: 0.5 }))),
    coauthors: fc.array(fc.oneof(other, them)),
    clip: fc.option(fc.record({ artist: fc.oneof(other, them) }), { nil: undefined }),
    location: fc.constant({ pk: 777001, name: 'Kiel' }),
  })
  fc.assert(
    fc.property(record, (told) => {
      const left = scrub(told) as typeof told
      expect(left.usertags).toEqual(told.usertags.filter(({ user }) => !isThem(user)))
      expect(left.coauthors).toEqual(told.coauthors.filter((one) => !isThem(one)))
      expect(left.clip?.artist).toEqual(
        told.clip && (isThem(told.clip.artist) ? undefined : told.clip.artist),
      )
      expect(left.caption).toBe(
        told.caption.replaceAll(/(?<![a-z])@AN\.NA_(?=[ .!]|$)/gi, '[erased]'),
      )
      expect(left.location).toBe(told.location)
      // Once is enough; and who tells nothing of them is not even copied.
      expect(scrub(left)).toBe(left)
    }),
  )
})

test.each([
  [{ pk: '777001' }],
  [{ pk: '9', user: { pk: 777001 } }],
  [{ pk: '9', from: { username: 'an.na_' } }],
  [{ id: '9_777001' }],
  [{ pk: '9', username: 'An.na_' }],
  [{ media_id: '12', user: { pk: '777001' } }],
])('%j is theirs', (record) => {
  expect(scrub(record)).toBeUndefined()
})

test('a contact is not told by ids of companies, users and tasks that are the same number', () => {
  const isOne = erasedIn('amocrm', new Set([tombstoneOf('amocrm', '51')]))
  const of = (entity: string, record: unknown) =>
    scrubRecord({ source: 'amocrm', entity }, record, isOne)
  const company = {
    id: 51,
    responsible_user_id: 51,
    _embedded: { contacts: [{ id: 51 }, { id: 52 }] },
  }
  expect(of('companies', company)).toEqual({ ...company, _embedded: { contacts: [{ id: 52 }] } })
  const contact = { id: 52, _embedded: { companies: [{ id: 51 }] } }
  expect(of('contacts', contact)).toBe(contact)
  for (const entity of ['contacts', 'deleted_contacts'])
    expect(of(entity, { id: 51 })).toBeUndefined()
  expect(of('contact_notes', { id: 1, entity_id: 51 })).toBeUndefined()
})
