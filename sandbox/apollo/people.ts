import { scrambled } from '../random.ts'
import { type Company, companyCount, companyOf } from './companies.ts'
import { dice } from './dice.ts'
import type { DirectoryOptions } from './options.ts'
import {
  emailStatuses,
  firstNames,
  lastNames,
  type Place,
  places,
  type Title,
  titles,
} from './vocabulary.ts'

/** What the people differ by, as places in the lists of vocabulary.ts: cheap enough to look through all. */
export type Traits = {
  first: number
  last: number
  title: number
  place: number
  company: number
  emailStatus: number
}

export type Person = {
  index: number
  id: string
  firstName: string
  lastName: string
  title: Title
  place: Place
  company: Company
  emailStatus: (typeof emailStatuses)[number]
  /** Null for some people: they have no page there. */
  linkedinUrl: string | null
  email: string | null
}

export function traitsOf({ seed, people }: DirectoryOptions, index: number): Traits {
  const company = dice(seed, index, 1) % companyCount(people)
  const livesAtWork = dice(seed, index, 2) % 10 < 7
  return {
    first: dice(seed, index, 3) % firstNames.length,
    last: dice(seed, index, 4) % lastNames.length,
    title: dice(seed, index, 5) % titles.length,
    place: dice(seed, livesAtWork ? company : index, livesAtWork ? 20 : 6) % places.length,
    company,
    emailStatus: dice(seed, index, 7) % emailStatuses.length,
  }
}

/** The person with this number, always the same. */
export function personAt(options: DirectoryOptions, index: number): Person {
  const traits = traitsOf(options, index)
  const firstName = firstNames[traits.first] ?? ''
  const lastName = lastNames[traits.last] ?? ''
  const company = companyOf(options, traits.company)
  const emailStatus = emailStatuses[traits.emailStatus] ?? 'unavailable'
  // The number in it makes it theirs alone, and leads back to them.
  const slug = `${latin(firstName)}-${latin(lastName)}-${index.toString(36)}`
  return {
    index,
    id: personId(options, index),
    firstName,
    lastName,
    title: titles[traits.title] ?? { title: '', seniority: '', department: '' },
    place: places[traits.place] ?? ['', null, ''],
    company,
    emailStatus,
    linkedinUrl:
      dice(options.seed, index, 8) % 100 < 3 ? null : `http://www.linkedin.com/in/${slug}`,
    email: emailStatus === 'unavailable' ? null : `${slug}@${company.domain}`,
  }
}

/** 24 hex digits like a Mongo id: a time, the directory, and the person's number. */
function personId({ seed }: DirectoryOptions, index: number): string {
  const time = 0x5f000000 + (dice(seed, index, 9) % 0x07000000)
  return [hex(time, 8), hex(scrambled(seed), 8), 'a1', hex(index, 6)].join('')
}

/** Undefined where nobody has this id. */
export function indexOfId(options: DirectoryOptions, id: string): number | undefined {
  const index = Number.parseInt(id.slice(-6), 16)
  const isTheirs = index < options.people && personId(options, index) === id
  return isTheirs ? index : undefined
}

/** From the end of a LinkedIn address or the start of an e-mail address; undefined where nobody has it. */
export function indexOfSlug(options: DirectoryOptions, slug: string): number | undefined {
  const index = Number.parseInt(slug.split('-').at(-1) ?? '', 36)
  if (!(index >= 0 && index < options.people)) return undefined
  const { firstName, lastName } = personAt(options, index)
  return slug === `${latin(firstName)}-${latin(lastName)}-${index.toString(36)}` ? index : undefined
}

export function latin(name: string): string {
  const plain = name.normalize('NFD').replace(/\p{M}/gu, '').replaceAll('ı', 'i')
  return plain.toLowerCase().replace(/[^a-z]+/g, '')
}

const hex = (value: number, digits: number) => value.toString(16).padStart(digits, '0')
