import { Fault } from '../../../errors.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { listStart, mostEmpty } from './list-place.ts'
import { jumpAhead } from './jump-ahead.ts'
import { byTime, listRange, type RangeDeps, settled, timesOf } from './list-range.ts'
import type { Confirm, TimeCursor } from './time-cursor.ts'
import { type List, pageSize } from './upstream.ts'
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
  const { from, to, confirm } = cursor
  const query = [byTime, `limit=${pageSize}`, ...(confirm ? [`page=${confirm.page}`] : [])]
  const list = await listRange(deps, { from, to }, query, tools)
  const { records, hasNext, short } = list
  if (confirm) return { records, next: afterLook(cursor, confirm, list) }
  const times = timesOf(records)
  // It may have changed. Or the answer was empty by mistake, or leaves out the first second: one more look.
  if (cursor.seen && !cursor.again && !times.includes(from))
    return { records, next: { from: from - 1, ...leftOf(cursor), again: true } }
  const last = latest(settled(times, to, deps.readingSince), from)
  const moving = latest(
    times.filter((time) => isMoving(time, deps.readingSince)),
    from,
  )
  const end: TimeCursor | null =
    to === null && moving > passed(cursor) ? { from: moving, to, seen: true } : null
  if (!hasNext) return { records, next: end }
  if (short && !(cursor.cut && last > passed(cursor))) {
    const look = { page: 2, ...(records.length > 0 && { last }), otherwise: end }
    return { records, next: { ...cursor, ...leftOf(cursor), confirm: look } }
  }
  // Where one second fills half of the page, most of the next one would be read twice.
  const dense = times.filter((time) => time === last).length > times.length / 2
  return { records, next: goOn(cursor, last, dense) }
}

/**
 * Where to go on after a look at a page behind one that was not full. What it shows is read again in its place: between
 * pages by number rows are skipped in silence. Only where those before it had none, its first row is all there is to go on from.
 * @throws Fault `bad_answer` where page after page is empty, although each says that more follows.
 */
function afterLook(
  cursor: TimeCursor,
  { page, last, otherwise }: Confirm,
  { records, hasNext }: List,
): TimeCursor | null {
  if (records.length > 0)
    return goOn({ ...cursor, cut: true }, last ?? timesOf(records)[0] ?? cursor.from)
  if (!hasNext) return otherwise
  if (page > mostEmpty)
    throw new Fault(
      'bad_answer',
      `${page} pages of the range bring nothing, and more is to follow`,
      {
        service: 'amocrm',
      },
    )
  return { ...cursor, confirm: { page: page + 1, ...(last !== undefined && { last }), otherwise } }
}

/** Goes on from the last time seen; by page numbers where that is no later than the one that the page began with. */
function goOn(cursor: TimeCursor, last: number, dense = false): TimeCursor {
  if (last > passed(cursor) && !dense) return { from: last, ...leftOf(cursor), seen: true }
  return { from: last, ...leftOf(cursor), within: listStart }
}

/** Only a later time leads on. A second look begins one second before the first. */
const passed = ({ from, again }: TimeCursor) => (again ? from + 1 : from)

/** What stays of a cursor from page to page. */
function leftOf({ to, pages, reach, cut }: TimeCursor): Omit<TimeCursor, 'from'> {
  return {
    to,
    ...(pages !== undefined && { pages: Math.max(0, pages - 1) }),
    ...(reach !== undefined && { reach }),
    ...(cut && { cut }),
  }
}

/** Changed since the reading began. What lies in the future stays there: it need not be asked for again. */
function isMoving(time: number, readingSince: Date): boolean {
  return time * 1000 >= readingSince.getTime() && time * 1000 <= Date.now() + 60_000
}

const latest = (times: readonly number[], otherwise: number) =>
  times.reduce((one, other) => Math.max(one, other), otherwise)
