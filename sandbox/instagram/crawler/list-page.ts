import { readCursor, writeCursor } from '../cursor.ts'
import { take } from '../page.ts'
import { spoilRecords } from '../spoil.ts'
import { refuse } from './refusal.ts'
import type { Visit } from './visit.ts'

export type List<T> = {
  /** Name of the list and pk of its owner: a cursor of another one is refused. */
  name: string
  owner: string
  size: number
  /** What comes after a place in it; null = from the top. */
  after(place: number | null): Iterable<T>
  placeOf(record: T): number
  tell(record: T): object
}

export type ListPage = { records: readonly unknown[]; next: string | null }

/** One page; the end is a null cursor. Without a cursor, or under a wrong name of it: the first. */
export function listPage<T>(visit: Visit, list: List<T>, cursor: string | null): ListPage {
  const { name, owner } = list
  const asked = cursor === null || cursor === '' ? null : cursor
  const place = asked === null ? null : readCursor(asked, name, owner)
  if (place === undefined) return refuse(400, 'BadRequest', 'Invalid cursor')
  const has = (kind: string) => visit.taken.some((fault) => fault.kind === kind)
  if (has('emptyPage')) return { records: [], next: writeCursor(name, owner, place) }

  const { records, hasMore } = take(list.after(place), list.size)
  const last = records.at(-1)
  const next = hasMore && last !== undefined ? writeCursor(name, owner, list.placeOf(last)) : null
  const told = records.map((record) => list.tell(record))
  return {
    records: spoilRecords(told, visit.taken),
    next: has('repeatCursor') && asked !== null ? asked : next,
  }
}
