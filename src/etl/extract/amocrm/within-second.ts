import type { ExtractTools, Page } from '../../stream.ts'
import { type ListPlace, listStart, stepOn, pageQuery } from './list-place.ts'
import { listRange, type RangeDeps } from './list-range.ts'
import type { TimeCursor } from './time-cursor.ts'

/** A page of the records that were changed in one and the same second, by page numbers in order of id. */
export async function withinSecond(
  deps: RangeDeps,
  cursor: TimeCursor & { within: ListPlace },
  tools: ExtractTools,
): Promise<Page<TimeCursor>> {
  const { from: second, to, within, widened, pages, cut } = cursor
  const query = ['order[id]=asc', ...pageQuery(within)]
  const range = { from: second, to: widened ? second + 1 : second }
  const list = await listRange(deps, range, query, tools)
  const { records, hasNext } = list
  // Rows stood there a moment ago. Where the end of a range does not count, one second is no range.
  if (records.length === 0 && !hasNext && within.read === 0 && !widened)
    return { records, next: { ...cursor, within: listStart, widened: true } }
  const { next: place } = stepOn(within, list)
  const left = pages === undefined ? {} : { pages: Math.max(0, pages - 1) }
  if (place) return { records, next: { ...cursor, ...left, within: place } }
  const over = to !== null && second >= to
  return { records, next: over ? null : { from: second + 1, to, ...left, ...(cut && { cut }) } }
}
