import { loadFound, loadMatches } from '../../load/leads.ts'
import type { Entity } from '../../stream.ts'
import { apolloId, type FoundRow, type MatchRow, toFound, toMatch } from '../../transform/apollo.ts'

export const service = 'apollo' as const
/** A stream per step of a search. */
export const searchOperation = 'people-search'
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
