import type { ExtractTools, Page } from '../../stream.ts'
import { HttpFault } from '../verdict.ts'
import { listStart } from './list-place.ts'
import { byTime, listRange, type RangeDeps, timesOf } from './list-range.ts'
import { type TimeCursor, timeSeed } from './time-cursor.ts'
import { type List, noRecords, pageSize } from './upstream.ts'

/** Rows of a page that is jumped to: a little less than a page, since pages in order show a row of the last one again. */
const jumpSize = pageSize - 2
/** The first jump, in pages; each that meets rows is followed by one twice as far, to a bound: from far behind the end it takes long to come back. */
const firstReach = 8
const farthestReach = 16
/** So few pages are left to one stream: sharing costs part of a page. */
const fewestPages = 4

/** Gives away what lies behind a second that is read by page numbers, one page after the other: another stream can read it meanwhile. */
export function shareBehindSecond(
  page: Page<TimeCursor> & { next: TimeCursor },
  operation: string,
): Page<TimeCursor> {
  const { from, to, within, pages, reach, cut } = page.next
  if (!within || to === null || to <= from) return page
  // Some of these pages are the second's own: where few are left behind it, a stream of them ends too soon to be worth it.
  if (pages !== undefined && pages < 2 * fewestPages) return page
  const { subject } = timeSeed(from + 1, to)
  const cursor: TimeCursor = {
    from: from + 1,
    to,
    ...(pages !== undefined && { pages }),
    ...(reach !== undefined && { reach }),
    ...(cut && { cut }),
  }
  const there = { operation, subject, cursor }
  return { ...page, next: { ...page.next, to: from }, opens: [...(page.opens ?? []), there] }
}

/** Decides whether a stream's next request jumps ahead, to share what is left there with an idle lane. */
export function jumpNext(page: Page<TimeCursor> & { next: TimeCursor }): Page<TimeCursor> {
  const { next } = page
  const { to, seen, within, again, confirm, jump, pages, reach } = next
  // Only where more is known to follow.
  if (to === null || !seen || within || again || confirm || jump) return page
  if (pages !== undefined && pages < fewestPages) return page
  const ahead = pages === undefined ? (reach ?? firstReach) : Math.floor(pages / 2) + 1
  return { ...page, next: { ...next, jump: ahead } }
}

/**
 * Shares a range by looking at a page further on in it: what lies before that page stays with this stream, what lies
 * behind it becomes another's. The page itself is read by that, so that nothing is asked for in vain, and the parts are
 * as long as they have pages, however unevenly the rows lie in time. Where there is no such page, half as far is tried.
 */
export async function jumpAhead(
  deps: RangeDeps & { operation: string },
  cursor: TimeCursor & { jump: number },
  tools: ExtractTools,
): Promise<Page<TimeCursor>> {
  const { jump, reach: _, ...here } = cursor
  const { from, to, pages, cut } = here
  const { operation } = deps
  const { records, hasNext } = await lookAt(deps, cursor, tools)
  const times = timesOf(records)
  const [first, last] = [times[0], times.at(-1)]
  if (first === undefined || last === undefined)
    return { records, next: { ...here, pages: Math.min(pages ?? jump, jump) - 1 } }
  // One second fills all of that: no time to share.
  if (first <= from) return { records, next: { ...here, within: listStart } }

  // Ends behind the first second of the page, which may have rows before it; ends may count as part or not.
  const end = times.find((time) => time > first) ?? first + 1
  const mine: TimeCursor = { ...here, to: Math.min(end, to ?? end), pages: jump - 1 }
  if (!hasNext) return { records, next: mine }
  const begin = last > first ? last : last + 1
  if (to !== null && begin > to) return { records, next: mine }
  const cursorThere: TimeCursor = {
    from: begin,
    to,
    ...(last > first && { seen: true as const }),
    ...(cut && { cut }),
    ...(pages === undefined
      ? { reach: Math.min(jump * 2, farthestReach) }
      : { pages: Math.max(1, pages - jump) }),
  }
  const { subject } = timeSeed(begin, to)
  return { records, next: mine, opens: [{ operation, subject, cursor: cursorThere }] }
}

/** A server may refuse page numbers beyond some bound: then there is nothing to see there. */
async function lookAt(
  deps: RangeDeps,
  { from, to, jump }: TimeCursor & { jump: number },
  tools: ExtractTools,
): Promise<List> {
  const query = [byTime, `limit=${jumpSize}`, `page=${jump}`]
  try {
    return await listRange(deps, { from, to }, query, tools)
  } catch (error) {
    const refused = error instanceof HttpFault && ['bad_request', 'not_found'].includes(error.kind)
    if (refused) return noRecords
    throw error
  }
}
