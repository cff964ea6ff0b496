import * as amocrm from './extract/amocrm/entities.ts'
import { mediaResults, textResults } from './extract/analysis/entities.ts'
import { foundPeople, matchedPeople } from './extract/apollo/operations.ts'
import * as instagram from './extract/instagram/entities.ts'
import type { Entity } from './stream.ts'

/**
 * Every kind of record there is, by its source: a new one is a line here. In the order in which they are transformed again:
 * what marks, links or adds to rows comes after what makes them.
 */
export const entities = {
  amocrm: [amocrm.contacts, amocrm.deleted, amocrm.companies, amocrm.notes],
  apollo: [foundPeople, matchedPeople],
  instagram: [
    instagram.profiles,
    instagram.posts,
    instagram.highlights,
    instagram.highlightItems,
    instagram.comments,
    instagram.likes,
    instagram.follows,
    instagram.postInsights,
    instagram.profileInsights,
  ],
  vision: [mediaResults],
  'text-ml': [textResults],
} satisfies Record<string, readonly Entity<object>[]>

export type Source = keyof typeof entities
