import { z } from 'zod'
import type { Db } from '../../../db/connect.ts'
import type { Seed } from '../../../db/service-calls.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { HttpFault } from '../verdict.ts'
import { refuseUnfiltered } from './filters.ts'
import { type Amocrm, idFilter, pageSize } from './upstream.ts'

/** Notes of some contacts, or (no ids) all that changed since a moment in Unix seconds; by page, oldest id first. */
export interface NotesCursor {
  ids?: string[]
  since?: number
  page: number
}

const ofContact = z.looseObject({ entity_id: z.int(), updated_at: z.int() })

/** A page of contacts' notes, in bulk (upstreams/amocrm.md, 4). An address that is too long is halved: the other half becomes a stream of its own. */
export async function contactNotes(
  { db, crm, operation }: { db: Db; crm: Amocrm; operation: string },
  cursor: NotesCursor,
  tools: ExtractTools,
): Promise<Page<NotesCursor>> {
  const { ids, since = 0, page } = cursor
  const filter = ids
    ? idFilter('entity_id', ids)
    : since > 0
      ? [`filter[updated_at][from]=${since}`]
      : []
  const wanted = ids && new Set(ids)
  try {
    const query = [...filter, 'order[id]=asc', `limit=${pageSize}`, `page=${page}`]
    const { records, hasNext } = await crm.list('contacts/notes', query, tools)
    await refuseUnfiltered(db, crm, records, (record) => {
      const note = ofContact.safeParse(record)
      if (!note.success) return true
      return wanted ? wanted.has(String(note.data.entity_id)) : note.data.updated_at >= since
    })
    return { records, next: hasNext ? { ...cursor, page: page + 1 } : null }
  } catch (error) {
    if (!(error instanceof HttpFault && error.status === 414 && ids && ids.length > 1)) throw error
    const middle = Math.ceil(ids.length / 2)
    const later = { operation, ...notesOf(ids.slice(middle)) }
    return { records: [], next: { ids: ids.slice(0, middle), page: 1 }, opens: [later] }
  }
}

export function notesOf(ids: string[]): Omit<Seed, 'operation'> {
  return {
    subject: `${ids[0]}..${ids.at(-1)} (${ids.length})`,
    cursor: { ids, page: 1 } satisfies NotesCursor,
  }
}
