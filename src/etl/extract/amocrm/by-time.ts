import type { ExtractTools, Page } from '../../stream.ts'
import { listStart } from './list-place.ts'
import { jumpAhead } from './jump-ahead.ts'
import { byTime, listRange, type RangeDeps, settled, timesOf } from './list-range.ts'
import type { TimeCursor } from './time-cursor.ts'
import { pageSize } from './upstream.ts'
import { withinSecond } from './within-second.ts'

/**
 * A page of records by `updated_at`, going on from the last one seen, never from a page number: rows move while they
 * are read, and a page number then skips some in silence. Only within one second, in which an import can have put
 * thousands, page numbers are all there is (see `ListPlace`).
 * An open range is asked again from its last row on as long as rows have changed since `readingSince`.
 */
export async function recordsByTime(
  deps: RangeDeps & { operation: string },
  cursor: TimeCursor,
  tools: ExtractTools,
): Promise<Page<TimeCursor>> {
  if (cursor.within) return await withinSecond(deps, { ...cursor, within: cursor.within }, tools)
  if (cursor.jump) return await jumpAhead(deps, { ...cursor, jump: cursor.jump }, tools)
  const { from, to, pages, reach, confirm } = cursor
  const query = [byTime, `limit=${pageSize}`, ...(confirm ? ['page=2'] : [])]
  const { records, hasNext, short } = await listRange(deps, { from, to }, query, tools)
  const left = {
    to,
    ...(pages !== undefined && { pages: Math.max(0, pages - 1) }),
    ...(reach !== undefined && { reach }),
  }
  if (confirm) {
    const more = records.length > 0
    return { records, next: more ? { from: confirm.last, ...left, seen: true } : confirm.otherwise }
  }
  const times = timesOf(records)
  // It may have changed. Or the answer was empty by mistake, or leaves out the first second: one more look.
  if (cursor.seen && !cursor.again && !times.includes(from))
    return { records, next: { from: from - 1, ...left, again: true } }
  const last = latest(settled(times, to, deps.readingSince), from)
  const moving = latest(
    times.filter((time) => isMoving(time, deps.readingSince)),
    from,
  )
  const end: TimeCursor | null =
    to === null && moving > from ? { from: moving, to, seen: true } : null
  if (!hasNext) return { records, next: end }
  if (short) return { records, next: { from, ...left, confirm: { last, otherwise: end } } }
  return { records, next: goOn(cursor, left, times, last) }
}

function goOn(
  { from, again }: TimeCursor,
  left: Omit<TimeCursor, 'from'>,
  times: readonly number[],
  last: number,
): TimeCursor {
  const stuck = last <= (again ? from + 1 : from)
  // Where one second fills half of the page, most of the next one would be read twice.
  const dense = times.filter((time) => time === last).length > pageSize / 2
  if (stuck || dense) return { from: last, ...left, within: listStart }
  return { from: last, ...left, seen: true }
}

/** Changed since the reading began. What lies in the future stays there: it need not be asked for again. */
function isMoving(time: number, readingSince: Date): boolean {
  return time * 1000 >= readingSince.getTime() && time * 1000 <= Date.now() + 60_000
}

const latest = (times: readonly number[], otherwise: number) =>
  times.reduce((one, other) => Math.max(one, other), otherwise)
