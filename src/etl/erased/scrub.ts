import { isObject } from '../../is-object.ts'
import { withoutMentions } from '../transform/instagram/text.ts'
import { tellingOf } from './who-is-told.ts'

interface Kind {
  source: string
  entity: string
}

/** Whether a tombstone stands for an id or a name of the source. */
export type IsErased = (name: string) => boolean

/**
 * A record without the people that were erased: undefined where it is one of theirs (they are it, wrote it, or it hangs on something
 * of theirs); the same object where it does not tell of them; else a copy in which lists leave them out and texts
 * say `[erased]` for a mention.
 */
export function scrubRecord(
  { source, entity }: Kind,
  record: unknown,
  isErased: IsErased,
): unknown {
  const telling = tellingOf(source)
  const isTheirs = (value: unknown, place: string): boolean =>
    isObject(value) && telling.namesIn(value, place).some(isErased)

  if (isTheirs(record, entity)) return undefined
  if (isObject(record) && telling.owners.some((key) => isTheirs(record[key], key))) return undefined
  return scrub(record)

  function scrub(value: unknown, place = ''): unknown {
    if (typeof value === 'string')
      return telling.mentions ? withoutMentions(value, (name) => isErased(`@${name}`)) : value
    if (Array.isArray(value)) {
      const kept = value.filter((item) => !tellsOfOne(item, place))
      const scrubbed = kept.map((item) => scrub(item, place))
      return scrubbed.length === value.length && scrubbed.every((item, n) => item === value[n])
        ? value
        : scrubbed
    }
    if (!isObject(value)) return value
    const kept = Object.entries(value).filter(
      ([key, inside]) => telling.others.includes(key) || !isTheirs(inside, key),
    )
    const scrubbed = kept.map(([key, inside]) => [key, scrub(inside, key)] as const)
    const isSame =
      kept.length === Object.keys(value).length &&
      scrubbed.every(([key, one]) => one === value[key])
    return isSame ? value : Object.fromEntries(scrubbed)
  }

  /** An element of a list: a person, or what holds one (`{user, x, y}` of a tag). */
  function tellsOfOne(item: unknown, place: string): boolean {
    if (isTheirs(item, place)) return true
    return isObject(item) && telling.owners.some((key) => isTheirs(item[key], key))
  }
}

/** Whether an id or a name that stands by itself, in a cursor or as a subject, is one of records of this kind that were erased. */
export function isErasedId({ source, entity }: Kind, id: string, isErased: IsErased): boolean {
  const object = { id, entity_id: id, username: id }
  return tellingOf(source).namesIn(object, entity).some(isErased)
}
