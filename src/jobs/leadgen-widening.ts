import { isDeepStrictEqual } from 'node:util'
import type { StepName } from '../db/leadgens.ts'
import { filtersAnything, type SearchFilters } from '../etl/extract/apollo/search-filters.ts'

export interface Step {
  step: StepName
  filters: SearchFilters
}

/**
 * A search in steps, each wider than the one before: strict is the search as given with similar titles off; medium has
 * similar titles on and neither keywords nor company size; loose has titles and locations alone. A step that asks the same as
 * the one before is left out, and one with nothing left to filter by, which would find everybody.
 */
export function widen(search: SearchFilters): Step[] {
  const { q_keywords: _keywords, organization_num_employees_ranges: _size, ...medium } = search
  const { person_titles, person_locations, organization_locations } = search
  const steps: Step[] = [
    { step: 'strict', filters: withTitles(search, false) },
    { step: 'medium', filters: withTitles(medium, true) },
    {
      step: 'loose',
      filters: withTitles(
        {
          ...(person_titles && { person_titles }),
          ...(person_locations && { person_locations }),
          ...(organization_locations && { organization_locations }),
        },
        true,
      ),
    },
  ]
  return steps.filter(({ filters }, index) => {
    return filtersAnything(filters) && !isDeepStrictEqual(filters, steps[index - 1]?.filters)
  })
}

/** Without titles, similar ones make no difference: left out, so that equal steps look equal. Empty filters likewise. */
function withTitles(
  { include_similar_titles: _given, ...filters }: SearchFilters,
  similar: boolean,
) {
  const set = Object.entries(filters).filter(([, value]) => Object.keys(value ?? {}).length > 0)
  const kept: SearchFilters = Object.fromEntries(set)
  return kept.person_titles ? { ...kept, include_similar_titles: similar } : kept
}
