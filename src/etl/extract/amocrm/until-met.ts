import type { ExtractTools, Page } from '../../stream.ts'
import { amocrmId } from '../../transform/amocrm.ts'
import { idSeeds } from './by-id.ts'
import { type Amocrm, pageSize } from './upstream.ts'
import type { Seed } from '../../../db/service-calls.ts'

/** Records that are looked for in an unfiltered list. */
export interface UntilMetCursor {
  page: number
  ids: string[]
}

/**
 * A page of the list in order of id, of which only the wanted are kept; ends as soon as all have been met. Those that the
 * whole list did not have are left to streams of `<path>.one`: a row that is deleted meanwhile makes page numbers skip another.
 */
export async function pageUntilMet(
  crm: Amocrm,
  path: 'contacts' | 'companies',
  { page, ids }: UntilMetCursor,
  tools: ExtractTools,
  query: readonly string[] = [],
): Promise<Page<UntilMetCursor>> {
  const list = await crm.list(
    path,
    [...query, 'order[id]=asc', `limit=${pageSize}`, `page=${page}`],
    tools,
  )
  const wanted = new Set<string | undefined>(ids)
  const records = list.records.filter((record) => wanted.has(amocrmId(record)))
  const met = new Set(records.map(amocrmId))
  const left = ids.filter((id) => !met.has(id))
  if (left.length === 0) return { records, next: null }
  if (list.hasNext) return { records, next: { page: page + 1, ids: left } }
  return {
    records,
    next: null,
    opens: idSeeds(left).map((seed) => ({ ...seed, operation: `${path}.one` })),
  }
}

export function untilMetSeeds(ids: readonly string[]): Omit<Seed, 'operation'>[] {
  return ids.length === 0
    ? []
    : [{ subject: '', cursor: { page: 1, ids: [...ids] } satisfies UntilMetCursor }]
}
