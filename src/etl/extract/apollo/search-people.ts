import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import type { RequestContext } from '../http-client.ts'
import type { SearchFilters } from './search-filters.ts'
import { type Apollo, searchPath } from './upstream.ts'

/** People on a page, and pages that can be asked for (upstreams/apollo.md, 2). */
export const pageSize = 100
export const mostPages = 500

export interface SearchCursor {
  page: number
}

const searchBody = z.looseObject({
  people: z.array(z.unknown()),
  total_entries: z.int().min(0).nullish().catch(null),
  // The old endpoint's.
  pagination: z
    .looseObject({ total_entries: z.int().min(0).nullish() })
    .nullish()
    .catch(null),
})

/** A page of people. Costs no credits, so that it may be asked again when an answer was lost. */
export async function searchPeople(
  apollo: Apollo,
  filters: SearchFilters,
  { page }: SearchCursor,
  context: RequestContext,
): Promise<{ people: unknown[]; next: SearchCursor | null }> {
  const body = { ...filters, page, per_page: pageSize }
  const answer = await apollo.ask(searchPath, { body, idempotent: true }, context)
  const parsed = searchBody.safeParse(answer.json())
  if (!parsed.success) {
    const message = `POST ${searchPath}: a list of people was due, not "${answer.quote()}"`
    throw new Fault('bad_answer', message, { service: 'apollo' })
  }
  const { people, total_entries: told, pagination } = parsed.data
  const total = told ?? pagination?.total_entries
  const isMore =
    total === null || total === undefined ? people.length >= pageSize : page * pageSize < total
  const next = people.length > 0 && isMore && page < mostPages ? { page: page + 1 } : null
  return { people, next }
}
