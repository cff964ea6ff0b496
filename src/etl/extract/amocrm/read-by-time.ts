import type { Entity, Operation } from '../../stream.ts'
import { recordsByTime } from './by-time.ts'
import { jumpNext, shareBehindSecond } from './jump-ahead.ts'
import type { RangeDeps } from './list-range.ts'
import type { TimeCursor } from './time-cursor.ts'

/** An operation that reads by ranges of `updated_at`, with as many streams side by side as the quota can use. */
export function readByTime<Row>(
  { db, crm, readingSince, parallel }: Omit<RangeDeps, 'path'> & { parallel: number },
  what: {
    operation: string
    path: RangeDeps['path']
    entity: Entity<Row>
    alsoWrite?: Operation<TimeCursor, Row>['alsoWrite']
  },
): Operation<TimeCursor, Row> {
  const { operation, path, entity, alsoWrite } = what
  // Streams on the way to a page further on: each finds work for one idle lane.
  let jumping = 0
  return {
    service: 'amocrm',
    operation,
    entity,
    async extract(cursor, tools) {
      try {
        return await recordsByTime({ db, crm, readingSince, path, operation }, cursor, tools)
      } finally {
        if (cursor.jump) jumping = Math.max(0, jumping - 1)
      }
    },
    split(page, idle) {
      if (parallel - idle + jumping >= crm.streamsWanted()) return page
      if (page.next.within) return shareBehindSecond(page, operation)
      const shared = jumpNext(page)
      if (shared.next?.jump) jumping++
      return shared
    },
    ...(alsoWrite && { alsoWrite }),
  }
}
