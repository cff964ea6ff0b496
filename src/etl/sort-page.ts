import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { stableJson } from './load/json.ts'
import type { RawRecord } from './load/raw-records.ts'
import type { Reject } from './load/rejects.ts'
import type { Entity, Kept, Transformed } from './stream.ts'

export interface SortedPage<Row> {
  read: number
  raw: (RawRecord & { kept?: Kept | undefined })[]
  good: { id: string; row: Row; kept?: Kept | undefined }[]
  rejects: Reject[]
}

/** So many records are transformed before others get a turn: a page of 250 at one go would make slots of the quota late. */
const stretch = 25

/**
 * Transforms the records of a page: the good by id, each id once (the last wins), the rejects aside with their reason.
 * A record that makes the transform throw is a reject too, never the end of the page.
 */
export async function sortPage<Row>(
  entity: Entity<Row>,
  records: readonly unknown[],
  keptBefore?: readonly Kept[],
): Promise<SortedPage<Row>> {
  const raw = new Map<string, SortedPage<Row>['raw'][number]>()
  const good = new Map<string, SortedPage<Row>['good'][number]>()
  const rejects = new Map<string, Reject>()
  for (const [index, payload] of records.entries()) {
    if (index > 0 && index % stretch === 0) await setImmediate()
    const kept = keptBefore?.[index]
    const id = kept?.raw?.id ?? entity.idOf(payload)
    const transformed =
      id === undefined
        ? { reject: 'it has no id' }
        : attempt(() => {
            raw.set(id, { ...toRaw(entity, id, payload, kept), kept })
            return entity.transform(payload)
          })
    if ('row' in transformed && id !== undefined) {
      good.set(id, { id, row: transformed.row, kept })
      rejects.delete(id)
    } else if ('reject' in transformed) {
      if (id !== undefined) good.delete(id)
      rejects.set(id ?? `at ${index}`, {
        id: id ?? kept?.reject,
        payload,
        reason: transformed.reject,
      })
    }
  }
  return {
    read: records.length,
    raw: [...raw.values()],
    good: [...good.values()],
    rejects: [...rejects.values()],
  }
}

function toRaw<Row>(
  entity: Entity<Row>,
  id: string,
  payload: unknown,
  kept: Kept | undefined,
): RawRecord {
  const json = stableJson(payload)
  return { id, json, hash: kept?.raw?.hash ?? contentHash(entity, json) }
}

/** SHA-256, in hex, of what of a record's JSON counts for changes. */
export const contentHash = <Row>(entity: Pick<Entity<Row>, 'contentOf'>, json: string): string =>
  hash('sha256', entity.contentOf?.(json) ?? json)

function attempt<Row>(transform: () => Transformed<Row>): Transformed<Row> {
  try {
    return transform()
  } catch (error) {
    return {
      reject: `the transform failed: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}
