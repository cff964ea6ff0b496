import type { Selection } from './filters.ts'
import type { ListRequest } from './list-request.ts'
import { compareIds, compareTimes, type Shelf, type Shelved } from './shelf.ts'

export type Page<T> = { records: T[]; hasMore: boolean }

/** One page by offset, as the API pages: what moved between two requests is met twice or never. */
export function selectPage<T extends Shelved>(
  shelf: Shelf<T>,
  selection: Selection<T>,
  { page, limit, order }: Pick<ListRequest, 'page' | 'limit' | 'order'>,
): Page<T> {
  const { list, from, to } = candidates(shelf, selection, order.field)
  const records: T[] = []
  let skip = (page - 1) * limit
  // With nothing to test the offset is a jump.
  let step = 0
  if (selection.tests.length === 0) {
    step = Math.min(skip, to - from)
    skip -= step
  }
  for (; step < to - from; step++) {
    const record = list[order.descending ? to - 1 - step : from + step]
    if (record === undefined || !selection.tests.every((test) => test(record))) continue
    if (skip > 0) skip--
    else if (records.length < limit) records.push(record)
    else return { records, hasMore: true }
  }
  return { records, hasMore: false }
}

/** The shortest ordered list at hand that holds everything selected: positions from..to of it. */
function candidates<T extends Shelved>(
  shelf: Shelf<T>,
  selection: Selection<T>,
  field: 'id' | 'updated_at',
): { list: readonly T[]; from: number; to: number } {
  const { ids, updatedFrom, updatedTo } = selection
  if (ids !== null) {
    const found = [...ids].flatMap((id) => shelf.get(id) ?? [])
    found.sort(field === 'id' ? compareIds : compareTimes)
    return { list: found, from: 0, to: found.length }
  }
  if (field === 'id') return { list: shelf.byId, from: 0, to: shelf.byId.length }
  return {
    list: shelf.byUpdated,
    from: updatedFrom === null ? 0 : shelf.firstSince(updatedFrom),
    to: updatedTo === null ? shelf.byUpdated.length : shelf.firstSince(updatedTo + 1),
  }
}
