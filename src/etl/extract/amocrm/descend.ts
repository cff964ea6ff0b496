import type { List } from './upstream.ts'

/**
 * Reading numbered pages from the last to the first. Rows that leave the list (deleted, changed) move the others to
 * lower positions only: read upwards, some slip from a page not yet read to one that was; read downwards, none can.
 * (Let a row stay in the list and never be on a page when that is read: it is below the last page at first, and so below
 * the next one, and in the end below page 1.) How many pages there are is not told, so the last one is looked for first,
 * by doubling, then by halves.
 */
export interface Descent {
  /** The page to ask for. */
  page: number
  /** The highest page known to have another behind it. */
  low: number
  /** The lowest page known to be empty; null: none yet. */
  high: number | null
  /** On the way down. */
  down: boolean
}

export const startDescent: Descent = { page: 1, low: 0, high: null, down: false }

/** Where to go on after this page; undefined: page 1 has been read on the way down. */
export function descend(
  { page, low, high, down }: Descent,
  { records, hasNext }: List,
): Descent | undefined {
  if (down) return goDown(page - 1)
  if (records.length === 0) {
    if (page - 1 <= low) return goDown(low)
    return { page: middle(low, page), low, high: page, down }
  }
  // The last page, read just now, is the first on the way down.
  if (!hasNext) return goDown(page - 1)
  if (high === null) return { page: page * 2, low: page, high, down }
  if (high - page <= 1) return goDown(page)
  return { page: middle(page, high), low: page, high, down }
}

const middle = (low: number, high: number) => Math.floor((low + high) / 2)

function goDown(page: number): Descent | undefined {
  return page < 1 ? undefined : { page, low: 0, high: null, down: true }
}
