import { z } from 'zod'
import type { ExtractTools, Page } from '../../stream.ts'
import { descend, type Descent, startDescent } from './descend.ts'
import { type Amocrm, pageSize } from './upstream.ts'

/** A whole list by page numbers: what is left where filters do not work. */
export interface PagesCursor {
  at: Descent
  /** Unix seconds: in order of `updated_at`, stop below; undefined: in order of id, the whole list. */
  since?: number
}

const timed = z.looseObject({ updated_at: z.int() })

export const allPages: PagesCursor = { at: startDescent }
export const pagesSince = (since: number): PagesCursor => ({ at: startDescent, since })

/**
 * A page of the unfiltered list, from the last to the first (see `descend`). In order of id nothing ever moves up. In
 * order of `updated_at` what changes meanwhile goes to the end, and the pages before `since` are not asked for.
 */
export async function numberedPage(
  crm: Amocrm,
  path: string,
  { at, since }: PagesCursor,
  tools: ExtractTools,
  query: readonly string[] = [],
): Promise<Page<PagesCursor>> {
  const order = since === undefined ? 'order[id]=asc' : 'order[updated_at]=asc'
  const list = await crm.list(
    path,
    [...query, order, `limit=${pageSize}`, `page=${at.page}`],
    tools,
  )
  const times = list.records.map((record) => timed.safeParse(record).data?.updated_at ?? 0)
  const next = descend(at, list)
  const below =
    since !== undefined && next?.down && list.records.length > 0 && Math.min(...times) < since
  if (!next || below) return { records: list.records, next: null }
  return { records: list.records, next: since === undefined ? { at: next } : { at: next, since } }
}
