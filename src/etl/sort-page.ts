import { setImmediate } from 'node:timers/promises'
import type { RawRecord } from './load/raw-records.ts'
import type { Reject } from './load/rejects.ts'
import type { Entity } from './stream.ts'

export interface SortedPage<Row> {
  read: number
  raw: RawRecord[]
  good: { id: string; row: Row }[]
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
): Promise<SortedPage<Row>> {
  const raw = new Map<string, RawRecord>()
  const good = new Map<string, { id: string; row: Row }>()
  const rejects = new Map<string, Reject>()
  for (const [index, payload] of records.entries()) {
    if (index > 0 && index % stretch === 0) await setImmediate()
    const id = entity.idOf(payload)
    if (id !== undefined)
      raw.set(id, { id, payload, ...(entity.contentOf && { content: entity.contentOf(payload) }) })
    const transformed =
      id === undefined ? { reject: 'it has no id' } : tryTransform(entity, payload)
    if ('row' in transformed && id !== undefined) {
      good.set(id, { id, row: transformed.row })
      rejects.delete(id)
    } else if ('reject' in transformed) {
      if (id !== undefined) good.delete(id)
      rejects.set(id ?? `at ${index}`, { id, payload, reason: transformed.reject })
    }
  }
  return {
    read: records.length,
    raw: [...raw.values()].toSorted(byId),
    good: [...good.values()].toSorted(byId),
    rejects: [...rejects.values()],
  }
}

function tryTransform<Row>(entity: Entity<Row>, payload: unknown) {
  try {
    return entity.transform(payload)
  } catch (error) {
    return {
      reject: `the transform failed: ${error instanceof Error ? error.message : String(error)}`,
    }
  }
}

const byId = (a: { id: string }, b: { id: string }) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
