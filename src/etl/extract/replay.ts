import type { Db } from '../../db/connect.ts'
import type { Service } from '../../db/service-calls.ts'
import type { Entity, Operation } from '../stream.ts'
import { type Chosen, readRecords, readRejects, type StoredRecord } from './stored-records.ts'

/** Goes on after this raw record. */
export interface RecordsCursor {
  after: string
}
/** Goes on after this reject. */
export interface RejectsCursor {
  after: number
}

const limit = 500

export const replayOperation = (entity: string) => `replay.${entity}`

/**
 * Transforms raw records again, without a request: stored records stand in the place of an answer. Writing them locks their
 * raw rows, and passes over one that was fetched again meanwhile: that one went through the same transform.
 */
export function replayRecords<Row>(
  db: Db,
  service: Service,
  entity: Entity<Row>,
  chosen: Chosen,
): Operation<RecordsCursor, Row> {
  return {
    service,
    operation: replayOperation(entity.entity),
    entity,
    async extract({ after }) {
      const { records, last } = await readRecords(db, entity, chosen, { after, limit })
      return { ...pageOf(records), next: isFull(records) ? { after: last ?? '' } : null }
    },
  }
}

/** Transforms the rejects again that are in no raw record. One that now has an id becomes a raw record, as of when it came. */
export function replayRejects<Row>(
  db: Db,
  service: Service,
  entity: Entity<Row>,
  chosen: Chosen,
): Operation<RejectsCursor, Row> {
  return {
    service,
    operation: `replay-rejects.${entity.entity}`,
    entity,
    async extract({ after }) {
      const { records, last } = await readRejects(db, entity, chosen, { after, limit })
      return {
        ...pageOf(records),
        next: isFull(records) ? { after: last ?? 0 } : null,
        closes: records.flatMap(({ payload, kept: { reject } }) => {
          const id = entity.idOf(payload)
          return id !== undefined && reject !== undefined && reject !== id ? [reject] : []
        }),
      }
    },
  }
}

const isFull = (records: readonly StoredRecord[]) => records.length === limit

const pageOf = (stored: readonly StoredRecord[]) => ({
  records: stored.map(({ payload }) => payload),
  kept: stored.map(({ kept }) => kept),
})
