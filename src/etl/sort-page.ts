import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { stableJson } from './load/json.ts'
import type { RawRecord } from './load/raw-records.ts'
import type { Reject } from './load/rejects.ts'
import type { Entity, Kept, Transformed } from './stream.ts'

/** The records of a page, each id once: the last wins. */
export interface SortedPage<Row> {
  read: number
  raw: (RawRecord & { kept?: Kept | undefined })[]
  /** Transforms them, once, however often it is asked for: that can wait until the raw ones are on their way. */
  transformed: () => Promise<TransformedPage<Row>>
}

/** The good by id, the rejects aside with their reason. */
export interface TransformedPage<Row> {
  good: { id: string; row: Row; kept?: Kept | undefined }[]
  rejects: Reject[]
}

/** So many records are worked on before others get a turn: a page of 250 at one go would make slots of the quota late. */
const stretch = 25

/** A record that cannot be kept, since it has no id, becomes a reject when the page is transformed. */
export async function sortPage<Row>(
  entity: Entity<Row>,
  records: readonly unknown[],
  keptBefore?: readonly Kept[],
): Promise<SortedPage<Row>> {
  const raw = new Map<string, SortedPage<Row>['raw'][number]>()
  const looked: Looked[] = []
  await inStretches(records, (payload, n) => {
    const kept = keptBefore?.[n]
    const id = kept?.raw?.id ?? entity.idOf(payload)
    const made: Transformed<RawRecord> =
      id === undefined
        ? { reject: 'it has no id' }
        : attempt(() => ({ row: toRaw(entity, id, payload, kept) }))
    if ('row' in made) raw.set(made.row.id, { ...made.row, kept })
    looked.push({ id, payload, kept, ...('reject' in made && made) })
  })
  let transformed: Promise<TransformedPage<Row>> | undefined
  return {
    read: records.length,
    raw: [...raw.values()],
    transformed: () => (transformed ??= transformAll(entity, looked)),
  }
}

interface Looked {
  id: string | undefined
  payload: unknown
  kept: Kept | undefined
  /** Why it could not be kept. */
  reject?: string
}

/** A record that makes the transform throw is a reject too, never the end of the page. */
async function transformAll<Row>(
  entity: Entity<Row>,
  looked: readonly Looked[],
): Promise<TransformedPage<Row>> {
  const good = new Map<string, TransformedPage<Row>['good'][number]>()
  const rejects = new Map<string, Reject>()
  await inStretches(looked, ({ id, payload, kept, reject }, n) => {
    const transformed = reject === undefined ? attempt(() => entity.transform(payload)) : { reject }
    if (id !== undefined && 'row' in transformed) {
      good.set(id, { id, row: transformed.row, kept })
      rejects.delete(id)
    } else if ('reject' in transformed) {
      if (id !== undefined) good.delete(id)
      const { reject: reason } = transformed
      rejects.set(id ?? `at ${n}`, { id: id ?? kept?.reject, payload, reason })
    }
  })
  return { good: [...good.values()], rejects: [...rejects.values()] }
}

async function inStretches<Item>(
  items: readonly Item[],
  work: (item: Item, n: number) => void,
): Promise<void> {
  for (const [n, item] of items.entries()) {
    if (n > 0 && n % stretch === 0) await setImmediate()
    work(item, n)
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
