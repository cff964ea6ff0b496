import { expect, test } from 'vitest'
import { generateWorld } from '../../sandbox/amocrm/generate-world.ts'
import { defaultOptions } from '../../sandbox/amocrm/options.ts'
import { tellState } from '../../sandbox/amocrm/state.ts'

const told = (options: Partial<typeof defaultOptions>) =>
  JSON.stringify([...tellState(generateWorld({ ...defaultOptions, ...options }), '')])

test('a seed makes the same world to the letter, another seed another', () => {
  const small = { companies: 30, contacts: 300 }
  expect(told(small)).toBe(told(small))
  expect(told({ ...small, seed: 2 })).not.toBe(told(small))
})

test('the default world has the promised sizes and oddities', () => {
  const world = generateWorld(defaultOptions)
  const contacts = world.live.contacts.byId
  expect(contacts.length).toBe(25_000)
  expect(world.live.companies.byId.length).toBe(2000)

  const sizes = world.live.companies.byId.map(({ id }) => world.contactsOf.get(id)?.size ?? 0)
  expect(sizes.filter((size) => size === 0).length).toBeGreaterThan(50)
  expect(Math.max(...sizes)).toBeGreaterThan(250)
  expect(contacts.filter((one) => one.companyId === null).length).toBeGreaterThan(500)
  expect(contacts.filter((one) => one.fields === null).length).toBeGreaterThan(500)

  const seconds = Object.values(Object.groupBy(contacts, (one) => one.updatedAt))
  expect(Math.max(...seconds.map((group) => group?.length ?? 0))).toBeGreaterThanOrEqual(900)
  const { now } = defaultOptions
  const year = 365 * 86_400
  const ages = contacts.map((one) => (now - one.updatedAt) / year)
  expect(Math.max(...ages)).toBeLessThanOrEqual(3)
  expect(ages.filter((age) => age < 1).length).toBeGreaterThan(
    2 * ages.filter((age) => age >= 1 && age < 2).length,
  )
  expect(contacts.every((one) => one.createdAt <= one.updatedAt)).toBe(true)
  const names = contacts.map((one) => one.name).join('\n')
  expect(names).toMatch(/[А-я]/)
  expect(names).toMatch(/['’]/)
  expect(names).toMatch(/\p{Extended_Pictographic}/u)
})
