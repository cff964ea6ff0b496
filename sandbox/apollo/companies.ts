import { scrambled } from '../random.ts'
import { dice } from './dice.ts'
import type { DirectoryOptions } from './options.ts'
import { companyWords, industries, type Place, places } from './vocabulary.ts'

export type Company = {
  index: number
  /** 24 hex digits. */
  id: string
  name: string
  domain: string
  industry: string
  /** The id of its industry, 24 hex digits. */
  industryTag: string
  employees: number
  /** In US dollars a year. */
  revenue: number
  place: Place
}

/** A dozen people in each. */
export const companyCount = (people: number) => Math.max(1, Math.ceil(people / 12))

export function companyOf({ seed }: DirectoryOptions, index: number): Company {
  const roll = (purpose: number) => dice(seed, index, purpose)
  const kind = roll(21) % industries.length
  const [word = '', industry = ''] = industries[kind] ?? []
  const front = companyWords[roll(22) % companyWords.length] ?? ''
  // From 1 to 20,000, small ones more often.
  const employees = Math.ceil(20_000 ** ((roll(23) % 1000) / 1000))
  return {
    index,
    id: `5a${index.toString(16).padStart(22, '0')}`,
    name: `${front} ${word} ${index}`,
    domain: `${front}-${word}-${index}.example`.toLowerCase(),
    industry,
    industryTag: industryTag(kind),
    employees,
    revenue: employees * (50_000 + (roll(24) % 200_000)),
    place: places[roll(20) % places.length] ?? ['', null, ''],
  }
}

export const industryTag = (kind: number) => `5567${kind.toString(16).padStart(20, '0')}`

/** Some number of a company that nothing else depends on: funding, job offers, technologies. */
export function companyFigure(company: Company, name: string, below: number): number {
  let mixed = company.index
  for (const letter of name) mixed = scrambled(mixed ^ letter.charCodeAt(0))
  return mixed % below
}
