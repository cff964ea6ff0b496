import type { Seed } from '../../../db/service-calls.ts'
import type { ListPlace } from './list-place.ts'

/** A range of `updated_at` in Unix seconds, both ends included; `to` null: open. */
export interface TimeCursor {
  from: number
  to: number | null
  /** A row was seen at `from`: it has to show again, unless it changed meanwhile. */
  seen?: true
  /** It did not, so that this is the second look. */
  again?: true
  /** Set while one second that fills more than a page is read by page numbers. */
  within?: ListPlace
  /** The server does not count the end of a range as part of it. */
  widened?: true
  /** The page was not full and yet says that more follows: whether one behind it brings anything. */
  confirm?: Confirm
  /** It did once: pages that are not full say rightly that more follows. */
  cut?: true
  /** Pages left, at most, where that is known. */
  pages?: number
  /** Look at this page of what is left next, to share the range there. */
  jump?: number
  /** How far to jump where it is not known how much is left. */
  reach?: number
}

export interface Confirm {
  /** Looked at now. */
  page: number
  /** The last settled time of the first one; undefined: it had no rows. */
  last?: number
  /** Where to go on if nothing follows. */
  otherwise: TimeCursor | null
}

/** A stream is known by the range that it began with. */
export function timeSeed(from: number, to: number | null): Omit<Seed, 'operation'> {
  return { subject: `${from}..${to ?? ''}`, cursor: { from, to } satisfies TimeCursor }
}
