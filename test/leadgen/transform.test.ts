import { array, assert, boolean, constantFrom, property, shuffledSubarray } from 'fast-check'
import { expect, test } from 'vitest'
import { pairMatches } from '../../src/etl/extract/apollo/match-people.ts'
import { profileUrl, toFound, toMatch } from '../../src/etl/transform/apollo.ts'

test('LinkedIn addresses come in many forms and go out in one', () => {
  const one = 'https://www.linkedin.com/in/irena-kovarna-test'
  const forms = [
    'http://www.linkedin.com/in/irena-kovarna-test',
    'https://linkedin.com/in/irena-kovarna-test/',
    'www.linkedin.com/in/irena-kovarna-test?trk=x',
    'HTTPS://CZ.LinkedIn.com/in/irena-kovarna-test#about',
    '//linkedin.com/in/irena-kovarna-test/en',
    ' http://www.linkedin.com/in/irena-kovarna-test',
  ]
  for (const form of forms) expect(profileUrl(form)).toBe(one)
  expect(profileUrl('http://www.linkedin.com/in/ACwAAB-Xy')).toMatch(/ACwAAB-Xy$/)
  const none = [null, undefined, '', 'http://www.linkedin.com/company/x', 'http://evil.com/in/x']
  for (const form of none) expect(profileUrl(form)).toBeNull()
})

test('what the search does not tell is null, never wrong; a placeholder is no address', () => {
  const person = { id: 'a1', first_name: ' Irena ', has_direct_phone: null, has_email: 'Yes' }
  expect(toFound(person)).toMatchObject({
    row: { external_id: 'a1', first_name: 'Irena', title: null, has_email: null },
  })
  expect(toFound({ first_name: 'Irena' })).toHaveProperty('reject')
  expect(toFound(null)).toHaveProperty('reject')
  const match = { id: 'a1', email: 'email_not_unlocked@domain.com', organization: null }
  expect(toMatch(match)).toMatchObject({ row: { email: null, organization_name: null } })
})

test('whoever comes back is paired with who was asked for, in whatever order, with misses null or left out', () => {
  const ids = Array.from({ length: 10 }, (_, index) => `id-${index}`)
  const answers = [shuffledSubarray(ids), boolean(), array(constantFrom(null, undefined))] as const
  assert(
    property(...answers, (found, inOrder, padding) => {
      const people = (inOrder ? found.toSorted() : found).map((id) => ({ id, name: `of ${id}` }))
      const paired = pairMatches(ids, [...people, ...padding])
      expect([...paired.keys()].toSorted()).toEqual(found.toSorted())
      for (const [id, person] of paired) expect(person).toEqual({ id, name: `of ${id}` })
    }),
  )
})

test('by place only where the id that came back is none of those asked for', () => {
  const matches = [{ id: 'merged', name: 'A' }, null, { id: 'c', name: 'C' }]
  expect(pairMatches(['a', 'b', 'c'], matches)).toEqual(
    new Map<string, unknown>([
      ['c', { id: 'c', name: 'C' }],
      ['a', { id: 'a', name: 'A', returned_id: 'merged' }],
    ]),
  )
  // One was left out: places say nothing.
  expect([...pairMatches(['a', 'b', 'c'], matches.slice(1)).keys()]).toEqual(['c'])
})
