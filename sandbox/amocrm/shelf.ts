import { scrambled } from '../random.ts'

export type Shelved = { readonly id: number; updatedAt: number }

/** Records kept in both orders in which they are listed, so that a request sorts nothing. */
export type Shelf<T extends Shelved> = {
  readonly byId: readonly T[]
  /** Ties within a second stand in no order that means anything, least of all by id. */
  readonly byUpdated: readonly T[]
  get(id: number): T | undefined
  add(record: T): void
  remove(record: T): void
  /** Changes the time a record was updated, and its place. */
  touch(record: T, updatedAt: number): void
  /** Position in `byUpdated` of the first record updated at `seconds` or later. */
  firstSince(seconds: number): number
}

export function createShelf<T extends Shelved>(records: readonly T[]): Shelf<T> {
  const known = new Map(records.map((record) => [record.id, record]))
  const byId = records.toSorted(compareIds)
  const byUpdated = records.toSorted(compareTimes)

  const insert = (list: T[], record: T, compare: (a: T, b: T) => number) => {
    list.splice(
      firstAt(list, (other) => compare(other, record) >= 0),
      0,
      record,
    )
  }
  const take = (list: T[], record: T, compare: (a: T, b: T) => number) => {
    list.splice(
      firstAt(list, (other) => compare(other, record) >= 0),
      1,
    )
  }
  return {
    byId,
    byUpdated,
    get: (id) => known.get(id),
    add(record) {
      if (known.has(record.id)) throw new Error(`record ${record.id} is already there`)
      known.set(record.id, record)
      insert(byId, record, compareIds)
      insert(byUpdated, record, compareTimes)
    },
    remove(record) {
      if (!known.delete(record.id)) throw new Error(`record ${record.id} is not there`)
      take(byId, record, compareIds)
      take(byUpdated, record, compareTimes)
    },
    touch(record, updatedAt) {
      take(byUpdated, record, compareTimes)
      record.updatedAt = updatedAt
      insert(byUpdated, record, compareTimes)
    },
    firstSince: (seconds) => firstAt(byUpdated, (record) => record.updatedAt >= seconds),
  }
}

export function compareIds(a: Shelved, b: Shelved): number {
  return a.id - b.id
}

export function compareTimes(a: Shelved, b: Shelved): number {
  return a.updatedAt - b.updatedAt || scrambled(a.id) - scrambled(b.id)
}

/** Binary search: the first position that is `reached`, or the end. */
function firstAt<T>(list: readonly T[], reached: (record: T) => boolean): number {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const record = list[middle]
    if (record !== undefined && reached(record)) high = middle
    else low = middle + 1
  }
  return low
}
