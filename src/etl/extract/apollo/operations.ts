import { loadFound, loadMatches } from '../../load/leads.ts'
import type { Entity } from '../../stream.ts'
import { apolloId, type FoundRow, type MatchRow, toFound, toMatch } from '../../transform/apollo.ts'

export const service = 'apollo' as const
/** Each step of a search is an operation of its own: an open stream is asked again with the filters of its step. */
export const searchOperation = (step: string) => `people-search.${step}`
/** A stream per page that was found. */
export const matchOperation = 'people-match'

export const foundPeople: Entity<FoundRow> = {
  source: 'apollo',
  entity: 'people',
  idOf: apolloId,
  transform: toFound,
  load: loadFound,
}
/** Kept apart from `people`: the same person, told otherwise. */
export const matchedPeople: Entity<MatchRow> = {
  source: 'apollo',
  entity: 'people.matched',
  idOf: apolloId,
  transform: toMatch,
  load: loadMatches,
}
