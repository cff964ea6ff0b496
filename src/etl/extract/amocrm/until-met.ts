import type { Seed } from '../../../db/service-calls.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { amocrmId } from '../../transform/amocrm.ts'
import { idSeeds } from './by-id.ts'
import { type ListPlace, listStart, stepOn, pageQuery } from './list-place.ts'
import type { Amocrm } from './upstream.ts'

/** Records that are looked for in an unfiltered list. */
export interface UntilMetCursor {
  at: ListPlace
  ids: string[]
}

/**
 * A page of the list in order of id, of which only the wanted are kept; ends as soon as all have been met. Those that the
 * whole list did not have are left to streams of `<path>.one`, which ask for each by itself.
 */
export async function pageUntilMet(
  crm: Amocrm,
  path: 'contacts' | 'companies',
  { at, ids }: UntilMetCursor,
  tools: ExtractTools,
  query: readonly string[] = [],
): Promise<Page<UntilMetCursor>> {
  const list = await crm.list(path, [...query, 'order[id]=asc', ...pageQuery(at)], tools)
  const wanted = new Set<string | undefined>(ids)
  const records = list.records.filter((record) => wanted.has(amocrmId(record)))
  const met = new Set(records.map(amocrmId))
  const left = ids.filter((id) => !met.has(id))
  if (left.length === 0) return { records, next: null }
  const { next: place } = stepOn(at, list)
  if (place) return { records, next: { at: place, ids: left } }
  const opens = idSeeds(left).map((seed) => ({ ...seed, operation: `${path}.one` }))
  return { records, next: null, opens }
}

export function untilMetSeeds(ids: readonly string[]): Omit<Seed, 'operation'>[] {
  const cursor: UntilMetCursor = { at: listStart, ids: [...ids] }
  return ids.length === 0 ? [] : [{ subject: '', cursor }]
}
