import { Skipped } from '../../../errors.ts'
import type { Entity, ExtractTools, Operation, Page } from '../../stream.ts'
import { orStartOver } from './start-over.ts'
import { operationNames, type StreamSeed } from './route.ts'

/**
 * An operation by one of the two routes. Nothing is read ahead: each request costs, and a killed process should lose one
 * page per open stream at most.
 */
export function operationOf<Cursor extends object, Row>(
  part: keyof typeof operationNames,
  entity: Entity<Row>,
  extract: (cursor: Cursor, tools: ExtractTools) => Promise<Page<Cursor>>,
): Operation<unknown, Row> {
  return {
    service: 'instagram',
    operation: operationNames[part],
    entity,
    readAhead: false,
    // What the ledger holds was written by the same operation.
    extract: (cursor, tools) =>
      orStartOver(cursor as Cursor, (from: Cursor) => extract(from, tools)),
  }
}

/** A part that a route does not have: its streams end as skipped and say so, without a request. */
export function notGiven<Row>(
  part: keyof typeof operationNames,
  entity: Entity<Row>,
  reason: string,
) {
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
