import { z } from 'zod'
import { type Answer, json } from '../http/answer.ts'
import { between, seededRandom } from '../random.ts'
import type { Ask } from '../upstream.ts'
import { refusal } from './errors.ts'
import { findPeople } from './find-people.ts'
import type { ApolloParts } from './parts.ts'
import { personAt } from './people.ts'
import { givenParameters, type SearchRequest, searchSchema } from './search-request.ts'
import { foundPerson } from './wire.ts'

const MAX_PAGE = 500
const MAX_RECORDS = 50_000
const MAX_REMEMBERED = 8

export type SearchQuirks = { ignoreFilter: boolean; repeatPage: boolean }

/** `POST /api/v1/mixed_people/api_search`: upstreams/apollo.md, 2. Costs no credit. */
export function searchAnswer(parts: ApolloParts, ask: Ask, quirks: SearchQuirks): Answer {
  const parsed = searchSchema.safeParse(givenParameters(ask))
  if (!parsed.success) return refusal(422, z.prettifyError(parsed.error))
  const { page: asked, per_page: perPage } = parsed.data
  // What the real one answers beyond its display cap is unconfirmed.
  if (asked > MAX_PAGE || asked * perPage > MAX_RECORDS) {
    return refusal(422, `only the first ${MAX_RECORDS} records can be shown: narrow the filters`)
  }
  const search = quirks.ignoreFilter ? searchSchema.parse({}) : parsed.data
  const page = quirks.repeatPage ? Math.max(1, asked - 1) : asked
  const found = rememberedSearch(parts, search)
  const people = onPage(parts, found, page, perPage)
  const { options, settings } = parts
  return {
    ...json(200, {
      total_entries: found.length,
      people: people.map((index) => foundPerson(options, settings, personAt(options, index))),
    }),
    rows: people.length,
  }
}

/** All of a search at once, the last few kept: its pages come one after the other. */
function rememberedSearch({ options, searches }: ApolloParts, search: SearchRequest): Uint32Array {
  const { page: _, per_page: _p, ...filters } = search
  const key = JSON.stringify(filters)
  const found = searches.get(key) ?? findPeople(options, search)
  searches.delete(key)
  searches.set(key, found)
  const [oldest] = searches.keys()
  if (searches.size > MAX_REMEMBERED && oldest !== undefined) searches.delete(oldest)
  return found
}

/**
 * With drift, later pages begin with people of the page before (the index moved down meanwhile, and the last ones
 * are out of reach), in an order of their own.
 */
function onPage(
  { settings, visits }: ApolloParts,
  found: Uint32Array,
  page: number,
  perPage: number,
): number[] {
  const moved = settings.driftRows * (page - 1)
  const start = Math.max(0, (page - 1) * perPage - moved)
  const people = Array.from(found.subarray(start, start + perPage))
  if (!settings.driftOrder) return people
  const random = seededRandom(visits.searches++)
  for (let n = people.length - 1; n > 0; n--) {
    const other = between(random, 0, n)
    const swapped = people[n] ?? 0
    people[n] = people[other] ?? 0
    people[other] = swapped
  }
  return people
}
