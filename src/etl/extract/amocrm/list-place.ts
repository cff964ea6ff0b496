import { Fault } from '../../../errors.ts'
import { amocrmId, changedAt } from '../../transform/amocrm.ts'
import { type List, pageSize } from './upstream.ts'

/**
 * A place in a list that is read by page numbers. Rows move while they are read, and page numbers then skip some in
 * silence. So each page overlaps with the one before by a few rows, and has to show one of that page's last rows again,
 * unchanged: then whatever followed that row is on this page or comes later, and nothing was skipped, whatever was
 * inserted or deleted before it. Where none shows up, the reading goes back until one does.
 */
export interface ListPlace {
  /** So many rows of the list stood before this place when it was last looked at. */
  read: number
  /** The rows that stood last before it, `id@updated_at`. */
  tail: string[]
  /** The most rows that a page brings: a server may give fewer than are asked for. */
  most: number
  /** The server keeps to its own page size: pages cannot overlap. */
  fixed?: true
  /** Rows that the next page is to show again; default: 3. Where rows leave fast, more. */
  shared?: number
  /** Pages in a row that brought nothing new. */
  stalled?: number
}

export const listStart: ListPlace = { read: 0, tail: [], most: pageSize }

/** Rows that a page shows again: while fewer than these leave the list between two pages, none is asked for in vain. */
const fewestShared = 3
const mostShared = 60
const tailLength = 20
const mostStalled = 12

/** The part of the query that asks for the page at a place. */
export function pageQuery(place: ListPlace): string[] {
  const { limit, page } = pageAt(place)
  return [`limit=${limit}`, `page=${page}`]
}

/** Where to go on after a page. */
export interface Step {
  /** Null: it was the last page. */
  next: ListPlace | null
  /** Nothing was skipped before this page. If not, the reading goes back, whatever the page says. */
  connected: boolean
}

/**
 * Where to go on after this page of the list.
 * @throws Fault `bad_answer` where pages bring nothing new any more, although they say that more follows.
 */
export function stepOn(place: ListPlace, list: List): Step {
  const { records, hasNext } = list
  const { limit, offset } = pageAt(place)
  const keys = records.map(keyOf)
  const known = new Set(place.tail)
  const lastKnown = keys.findLastIndex((key) => key !== undefined && known.has(key))
  const connected = offset === 0 || place.fixed === true || lastKnown >= 0
  const fresh = connected ? records.length - 1 - lastKnown : 0
  // A page that is not full says by itself that it is the last.
  if (connected && (!hasNext || (fresh === 0 && records.length < limit)))
    return { next: null, connected }

  const stalled = fresh > 0 ? 0 : (place.stalled ?? 0) + 1
  if (stalled > mostStalled)
    throw new Fault('bad_answer', `page ${pageAt(place).page} of the list brings the same again`, {
      service: 'amocrm',
    })
  const size = sizeAfter(place, limit, list)
  if (!connected) {
    const back = 16 * 4 ** (stalled - 1)
    // Never more than a part of a page: it has to bring something new as well.
    const bearable = Math.max(fewestShared, Math.min(mostShared, Math.floor(size.most / 4)))
    const shared = Math.min(bearable, 4 * (place.shared ?? fewestShared))
    return {
      next: { ...place, ...size, read: Math.max(0, offset - back), shared, stalled },
      connected,
    }
  }
  const tail = keys.filter((key) => key !== undefined).slice(-tailLength)
  const { shared } = place
  const next = {
    ...size,
    ...(shared && { shared }),
    read: offset + records.length,
    tail,
    ...(stalled > 0 && { stalled }),
  }
  return { next, connected }
}

/** What the answer tells of the server's page size: by its own address, or by what came although more follows. */
function sizeAfter(
  { read, most, fixed }: ListPlace,
  limit: number,
  { records, hasNext, size }: List,
): Pick<ListPlace, 'most' | 'fixed'> {
  const came = records.length
  const own = came > limit || fixed === true
  const first = read === 0 ? (size ?? came) : most
  const learnt = own ? came : Math.min(most, first)
  const now = Math.max(1, hasNext ? learnt : most)
  return { most: now, ...((own || now < 4 * fewestShared) && { fixed: true as const }) }
}

/** Of all page sizes that give the overlap, the one that reaches furthest. */
function pageAt({ read, most, fixed, shared = fewestShared }: ListPlace): {
  limit: number
  page: number
  offset: number
} {
  if (read === 0) return { limit: most, page: 1, offset: 0 }
  if (fixed) {
    const before = Math.floor(read / most)
    return { limit: most, page: before + 1, offset: before * most }
  }
  let best = { limit: 0, page: 1, offset: 0 }
  for (let limit = most; limit > most / 2; limit--) {
    const before = Math.floor(Math.max(0, read - shared) / limit)
    const offset = before * limit
    if (offset + limit > best.offset + best.limit) best = { limit, page: before + 1, offset }
  }
  return best
}

function keyOf(record: unknown): string | undefined {
  const id = amocrmId(record)
  return id === undefined ? undefined : `${id}@${changedAt(record) ?? ''}`
}
