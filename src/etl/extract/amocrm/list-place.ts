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
  /** The number of the next page, at `most`: the server keeps to pages of its own, or leaves rows out of them, so that they cannot overlap. */
  page?: number
  /** The first page brought fewer rows than it ought to, and more follows: `most` is a guess. */
  guessed?: true
  /** Rows that the next page is to show again; default: 3. Where rows leave fast, more. */
  shared?: number
  /** Pages in a row that brought nothing new. */
  stalled?: number
  /** How often the reading went back to the start. */
  restarts?: number
}

export const listStart: ListPlace = { read: 0, tail: [], most: pageSize }

/** Rows that a page shows again: while fewer than these leave the list between two pages, none is asked for in vain. */
const fewestShared = 3
const mostShared = 60
const tailLength = 20
const mostStalled = 12
const mostRestarts = 12
/** Pages in a row without a row, although each says that more follows: a server may leave out what it counted. */
export const mostEmpty = 100

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
 * Where to go on after this page of the list. Where it says that more follows, that is never taken for the end.
 * @throws Fault `bad_answer` where pages bring nothing new any more, although they say that more follows.
 */
export function stepOn(place: ListPlace, list: List): Step {
  const { records, hasNext } = list
  const { limit, page, offset } = pageAt(place)
  const keys = records.map(keyOf)
  const known = new Set(place.tail)
  const lastKnown = keys.findLastIndex((key) => key !== undefined && known.has(key))
  const own = place.page !== undefined || records.length > limit
  const connected = offset === 0 || own || lastKnown >= 0
  if (connected && !hasNext) return { next: null, connected }

  const fresh = connected ? records.length - 1 - lastKnown : 0
  const stalled = fresh > 0 ? 0 : (place.stalled ?? 0) + 1
  const again = offset === 0 && known.size > 0 && lastKnown < 0
  const restarts = (place.restarts ?? 0) + (again ? 1 : 0)
  const isStuck =
    stalled > (own && records.length === 0 ? mostEmpty : mostStalled) || restarts > mostRestarts
  // The guess was wrong: once more from the start, by the server's own pages.
  if (!own && place.guessed && (isStuck || (hasNext && records.length === 0)))
    return { next: { ...listStart, page: 1 }, connected }
  if (isStuck) {
    const what = records.length > 0 ? 'the same again' : 'nothing'
    throw new Fault('bad_answer', `page ${page} of the list brings ${what}`, { service: 'amocrm' })
  }
  if (!connected) {
    const back = 16 * 4 ** (stalled - 1)
    // Never more than a part of a page: it has to bring something new as well.
    const bearable = Math.max(fewestShared, Math.min(mostShared, Math.floor(place.most / 4)))
    const shared = Math.min(bearable, 4 * (place.shared ?? fewestShared))
    return { next: { ...place, read: Math.max(0, offset - back), shared, stalled }, connected }
  }
  const tail = keys.filter((key) => key !== undefined).slice(-tailLength)
  const { shared } = place
  const next = {
    ...pagesAfter(place, list, { own, fresh }),
    ...(shared && { shared }),
    read: offset + records.length,
    tail: tail.length > 0 ? tail : place.tail,
    ...(stalled > 0 && { stalled }),
    ...(restarts > 0 && { restarts }),
  }
  return { next, connected }
}

/** How the pages after this one are asked for: it shows how many rows the server gives at most. */
function pagesAfter(
  place: ListPlace,
  { records, short }: List,
  { own, fresh }: { own: boolean; fresh: number },
): Pick<ListPlace, 'most' | 'page' | 'guessed'> {
  const { limit, page } = pageAt(place)
  const came = records.length
  const first = place.read === 0 && place.page === undefined
  // More is said to follow, and none of it is here: it is on the next page, or nowhere.
  const left = fresh === 0 && came < limit
  if (own || left || (first && came < 4 * fewestShared)) return { most: limit, page: page + 1 }
  const guessed = place.guessed ?? (first && short)
  return { most: first ? came : place.most, ...(guessed && { guessed }) }
}

/** Of all page sizes that give the overlap, the one that reaches furthest. */
function pageAt({ read, most, page, shared = fewestShared }: ListPlace): {
  limit: number
  page: number
  offset: number
} {
  if (page !== undefined) return { limit: most, page, offset: (page - 1) * most }
  if (read === 0) return { limit: most, page: 1, offset: 0 }
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
