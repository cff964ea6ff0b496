import { Skipped } from '../../../errors.ts'
import type { Entity, ExtractTools, Operation, Page } from '../../stream.ts'
import { orStartOver } from './start-over.ts'
import { operationNames, type StreamSeed } from './route.ts'

type Part = keyof typeof operationNames

/** Lists that are one long stream for a profile: a page is kept when it came, so that the next one need not wait until it is written. */
const longLists: ReadonlySet<Part> = new Set(['posts', 'reels', 'followers', 'following'])

/**
 * An operation by one of the two routes. Each request costs, and a killed process is to lose one page per open stream at most: so
 * nothing is read ahead of a page that is neither kept nor written.
 */
export function operationOf<Cursor extends object, Row>(
  part: Part,
  entity: Entity<Row>,
  extract: (cursor: Cursor, tools: ExtractTools) => Promise<Page<Cursor>>,
): Operation<unknown, Row> {
  return {
    service: 'instagram',
    operation: operationNames[part],
    entity,
    readAhead: longLists.has(part) && 'kept',
    // What the ledger holds was written by the same operation.
    extract: (cursor, tools) =>
      orStartOver(cursor as Cursor, (from: Cursor) => extract(from, tools)),
  }
}

/** A part that a route does not have: its streams end as skipped and say so, without a request. */
export function notGiven<Row>(part: Part, entity: Entity<Row>, reason: string) {
  return {
    operation: operationOf(part, entity, async () => {
      throw new Skipped(reason)
    }),
    seed: ({ externalId }: { externalId: string }): StreamSeed => ({
      subject: externalId,
      cursor: {},
    }),
  }
}
