import { HttpFault } from '../verdict.ts'
import type { Page } from '../../stream.ts'
import { GraphFault } from './graph/errors.ts'
import type { Trail } from './page-trail.ts'

/** What cursors of lists have in common. */
interface Place {
  /** Where the list goes on; undefined: at its beginning. */
  at?: string
  trail?: Trail
  known?: true
  untilUnchanged?: true
  startedOver?: true
}

/**
 * Asks for a page; where the upstream refuses the cursor (they are short-lived: upstreams/instagram.md, A3) the list begins
 * anew, once. It then ends at no page that brings nothing new: those that were written before would.
 */
export async function orStartOver<Cursor extends object>(
  cursor: Cursor & Place,
  ask: (cursor: Cursor) => Promise<Page<Cursor>>,
): Promise<Page<Cursor>> {
  try {
    return await ask(cursor)
  } catch (error) {
    if (!cursor.at || cursor.startedOver || !mayBeTheCursor(error)) throw error
    const { at: _at, trail: _trail, known: _known, untilUnchanged: _until, ...start } = cursor
    // What is left out is optional in each.
    const next = { ...start, startedOver: true } as unknown as Cursor
    return { records: [], next }
  }
}

/** The upstreams have no name for it: all that is known is that the request was wrong, and it was right without a cursor. */
function mayBeTheCursor(error: unknown): boolean {
  if (error instanceof GraphFault) return error.kind === 'bad_request' && error.code === 100
  return error instanceof HttpFault && [400, 422].includes(error.status)
}
