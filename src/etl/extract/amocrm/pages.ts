import type { ExtractTools, Page } from '../../stream.ts'
import { type ListPlace, listStart, stepOn, pageQuery } from './list-place.ts'
import { timesOf } from './list-range.ts'
import type { Amocrm } from './upstream.ts'

/** A list by page numbers: what is left where filters do not work. */
export interface PagesCursor {
  at: ListPlace
  /** Unix seconds: the last changed first, stop below; undefined: in order of id, the whole list. */
  since?: number
  /** The newest that the first page showed, where this is not the first page. */
  top?: number
  /** The server keeps to an order of its own: nothing can be stopped early. */
  unordered?: true
}

export const allPages: PagesCursor = { at: listStart }
export const pagesSince = (since: number): PagesCursor => ({ at: listStart, since })

/**
 * A page of the unfiltered list. Where the last changed come first, it ends below `since`, and begins once more if it took
 * several pages: what changed meanwhile has gone to the top.
 */
export async function numberedPage(
  crm: Amocrm,
  path: string,
  cursor: PagesCursor,
  tools: ExtractTools,
  query: readonly string[] = [],
): Promise<Page<PagesCursor>> {
  const { at, since } = cursor
  const order = since === undefined ? 'order[id]=asc' : 'order[updated_at]=desc'
  const list = await crm.list(path, [...query, order, ...pageQuery(at)], tools)
  const { records } = list
  const { next: place, connected } = stepOn(at, list)
  if (since === undefined) return { records, next: place && { at: place } }

  const times = timesOf(records)
  const ordered =
    !cursor.unordered && times.every((time, i) => i === 0 || time <= (times[i - 1] ?? time))
  const top = cursor.top ?? newest(times, since)
  const below = ordered && connected && times.some((time) => time < since)
  if (place && !below)
    return { records, next: { at: place, since, top, ...(!ordered && { unordered: true }) } }
  const onePage = cursor.top === undefined
  return { records, next: onePage || top <= since ? null : pagesSince(top) }
}

/** What lies in the future stays on top: it is no reason to look again. */
function newest(times: readonly number[], since: number): number {
  const now = Date.now() / 1000
  return times.reduce((one, other) => (other <= now ? Math.max(one, other) : one), since)
}
