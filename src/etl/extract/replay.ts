import type { Db } from '../../db/connect.ts'
import type { Service } from '../../db/service-calls.ts'
import type { Entity, Operation, Page } from '../stream.ts'
import { type Chosen, readRecords, readRejects, type StoredRecord } from './stored-records.ts'

/** First the raw records by id, then the rejects that these don't hold. */
export type ReplayCursor = { of: 'records'; after: string } | { of: 'rejects'; after: number }

export const replayStart: ReplayCursor = { of: 'records', after: '' }
const pageSize = 500

export const replayOperation = (entity: string) => `replay.${entity}`

/**
 * Transforms again what was fetched before, without a request: stored records stand in the place of answers. Writing them
 * locks their raw rows, and passes over one that was fetched again meanwhile: that one went through the same transform.
 */
export function replayOf<Row>(
  db: Db,
  service: Service,
  entity: Entity<Row>,
  chosen: Chosen,
): Operation<ReplayCursor, Row> {
  return {
    service,
    operation: replayOperation(entity.entity),
    entity,
    async extract(cursor) {
      const { limit, after } = { limit: pageSize, after: cursor.after }
      if (typeof after === 'string') {
        const { records, last } = await readRecords(db, entity, chosen, { after, limit })
        const isMore = records.length === limit && last !== undefined
        return page(records, isMore ? { of: 'records', after: last } : { of: 'rejects', after: 0 })
      }
      const { records, last } = await readRejects(db, entity, chosen, { after, limit })
      const isMore = records.length === limit && last !== undefined
      return {
        ...page(records, isMore ? { of: 'rejects', after: last } : null),
        closes: records.flatMap(({ payload, kept: { reject } }) => {
          const id = entity.idOf(payload)
          return id !== undefined && reject !== undefined && reject !== id ? [reject] : []
        }),
      }
    },
  }
}

function page(stored: readonly StoredRecord[], next: ReplayCursor | null): Page<ReplayCursor> {
  return {
    records: stored.map(({ payload }) => payload),
    kept: stored.map(({ kept }) => kept),
    next,
  }
}
