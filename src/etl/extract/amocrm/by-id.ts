import type { Db } from '../../../db/connect.ts'
import type { Seed } from '../../../db/service-calls.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { amocrmId } from '../../transform/amocrm.ts'
import { HttpFault } from '../verdict.ts'
import { refuseUnfiltered } from './filters.ts'
import { type Amocrm, idFilter, type List, noRecords, pageSize } from './upstream.ts'

/** Ids that are still to be asked for. */
export interface IdCursor {
  ids: string[]
  /** How many at a time: halved where the address gets too long for the server. */
  size: number
  /** Nothing came of these: this is the second look. */
  again?: true
}

export interface ByIdDeps {
  db: Db
  crm: Amocrm
  path: 'contacts' | 'companies'
  /** Whether the account's filters work; without them each id is asked for by itself. */
  filters: boolean
  /** More of the query, such as `with=contacts`. */
  query?: readonly string[]
}

/**
 * Records by their ids, up to 250 at a time. Answers as well which of those asked for did not come:
 * they do not exist (any more).
 */
export async function recordsById(
  deps: ByIdDeps,
  cursor: IdCursor,
  tools: ExtractTools,
): Promise<Page<IdCursor>> {
  const { ids, again } = cursor
  const size = deps.filters ? cursor.size : 1
  const asked = ids.slice(0, size)
  const rest = ids.slice(size)
  let list: List
  try {
    list = deps.filters
      ? await askForMany(deps, asked, tools)
      : await askForOne(deps, asked[0] ?? '', tools)
  } catch (error) {
    if (!isTooLong(error) || asked.length < 2) throw error
    return await recordsById(deps, { ids, size: Math.ceil(asked.length / 2) }, tools)
  }
  const { records } = list
  const came = new Set(records.map(amocrmId))
  const missed = asked.filter((id) => !came.has(id))
  // An empty answer for many ids is looked at twice before all of them count as gone.
  if (records.length === 0 && asked.length > 1 && !again)
    return { records, next: { ids, size, again: true } }
  // A server may give fewer at a time than were asked for: then the others are asked for again, unless none came.
  const cut = list.hasNext && came.size > 0
  const left = cut ? [...missed, ...rest] : rest
  // One that came without its id may be any of those that were missed.
  const unsure = cut || came.has(undefined)
  return {
    records,
    next: left.length > 0 ? { ids: left, size } : null,
    absent: unsure ? [] : missed,
  }
}

/** Whether the address was too long for the server: 414, or what others say instead. */
export const isTooLong = (error: unknown): boolean =>
  error instanceof HttpFault && [413, 414, 431].includes(error.status)

async function askForMany(
  { db, crm, path, query = [] }: ByIdDeps,
  ids: readonly string[],
  tools: ExtractTools,
): Promise<List> {
  const list = await crm.list(path, [...query, `limit=${pageSize}`, ...idFilter('id', ids)], tools)
  const wanted = new Set<string | undefined>(ids)
  await refuseUnfiltered(db, crm, list.records, (record) => {
    const id = amocrmId(record)
    return id === undefined || wanted.has(id)
  })
  return list
}

async function askForOne(
  { crm, path, query = [] }: ByIdDeps,
  id: string,
  tools: ExtractTools,
): Promise<List> {
  const record = await crm.get(`${path}/${id}`, query, tools).catch((error: unknown) => {
    // 204 is documented for an id that is not there; 404 would say the same.
    if (error instanceof HttpFault && error.status === 404) return undefined
    throw error
  })
  return record === undefined ? noRecords : { ...noRecords, records: [record] }
}

/** Streams of 250 ids each, in order, so that the same ids make the same streams. */
export function idSeeds(ids: readonly string[]): Omit<Seed, 'operation'>[] {
  const sorted = [...new Set(ids)].toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1))
  return Array.from({ length: Math.ceil(sorted.length / pageSize) }, (_, i) => {
    const some = sorted.slice(i * pageSize, (i + 1) * pageSize)
    const cursor: IdCursor = { ids: some, size: pageSize }
    return { subject: `${some[0]}..${some.at(-1)} (${some.length})`, cursor }
  })
}
