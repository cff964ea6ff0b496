/** How the records of a source tell people: which of an object's fields name a person or a thing of theirs. */
export interface Telling {
  /**
   * The ids and names in an object itself (not further inside), as tombstones know them.
   * @param place the key that it stands under; the entity, for the record itself
   */
  namesIn(object: Readonly<Record<string, unknown>>, place: string): string[]
  /** Keys of objects that say whose a record is, or what it hangs on: one of an erased person makes the record theirs. */
  owners: readonly string[]
  /** Keys of objects that tell no people, though they have ids. */
  others: readonly string[]
  /** Whether texts mention people: `@name`. */
  mentions: boolean
}

const textOf = (value: unknown): string[] =>
  typeof value === 'string' || typeof value === 'number' ? [String(value).toLowerCase()] : []

/** amoCRM numbers contacts, companies, users and tasks each by itself: only these fields are contacts' ids. */
const amocrm: Telling = {
  namesIn(object, place) {
    if (['contacts', 'deleted_contacts'].includes(place)) return textOf(object['id'])
    return place === 'contact_notes' ? textOf(object['entity_id']) : []
  },
  owners: [],
  others: [],
  mentions: false,
}

const apollo: Telling = {
  namesIn: (object, place) =>
    ['people', 'people.matched'].includes(place) ? textOf(object['id']) : [],
  owners: [],
  others: [],
  mentions: false,
}

const idKey =
  /^(?:id|pk|strong_id__|code|shortcode|(?:user|owner|media|profile|highlight)_(?:id|pk))$/
/** `<pk>_<userpk>`, `highlight:<pk>`: each number in it. */
const parts = /[a-z]+:|_/

/** Ids of Instagram are so long and so many that none is met twice; names stand with an @. */
const instagram: Telling = {
  namesIn: (object) =>
    Object.entries(object).flatMap(([key, value]) => {
      if (key === 'username') return textOf(value).map((name) => `@${name}`)
      if (!idKey.test(key)) return []
      const whole = textOf(value)
      return whole.flatMap((id) => (/^\d+_\d+$|:/.test(id) ? [id, ...id.split(parts)] : [id]))
    }),
  owners: ['user', 'owner', 'from', 'follower', 'followee', 'media', 'highlight'],
  others: ['location'],
  mentions: true,
}

const sources: Readonly<Record<string, Telling>> = { amocrm, apollo, instagram }

/** How a source tells people. Of an unknown one, as if it told none. */
export const tellingOf = (source: string): Telling =>
  sources[source] ?? { namesIn: () => [], owners: [], others: [], mentions: false }
