import { z } from 'zod'
import type { Db } from '../../../db/connect.ts'
import type { Seed } from '../../../db/service-calls.ts'
import type { ExtractTools, Page } from '../../stream.ts'
import { isTooLong } from './by-id.ts'
import { refuseUnfiltered } from './filters.ts'
import { type ListPlace, listStart, stepOn, pageQuery } from './list-place.ts'
import { type Amocrm, idFilter, pageSize } from './upstream.ts'

/** Notes of some contacts, by page. */
export interface NotesCursor {
  ids: string[]
  at: ListPlace
}

const ofContact = z.looseObject({ entity_id: z.int() })

/** A page of contacts' notes, in bulk (upstreams/amocrm.md, 4). An address that is too long is halved: the other half becomes a stream of its own. */
export async function notesOfMany(
  { db, crm, operation }: { db: Db; crm: Amocrm; operation: string },
  { ids, at }: NotesCursor,
  tools: ExtractTools,
): Promise<Page<NotesCursor>> {
  const wanted = new Set(ids)
  try {
    const query = [...idFilter('entity_id', ids), 'order[id]=asc', ...pageQuery(at)]
    const list = await crm.list('contacts/notes', query, tools)
    await refuseUnfiltered(db, crm, list.records, (record) => {
      const note = ofContact.safeParse(record)
      return !note.success || wanted.has(String(note.data.entity_id))
    })
    const { next: place } = stepOn(at, list)
    return { records: list.records, next: place && { ids, at: place } }
  } catch (error) {
    if (!isTooLong(error) || ids.length < 2) throw error
    const middle = Math.ceil(ids.length / 2)
    const [now, later] = [ids.slice(0, middle), ids.slice(middle)]
    return {
      records: [],
      next: { ids: now, at: listStart },
      opens: [{ operation, ...notesSeed(later) }],
    }
  }
}

/** A page of the notes of one contact after the other: the way without filters. */
export async function notesOfOne(
  crm: Amocrm,
  { ids, at }: NotesCursor,
  tools: ExtractTools,
): Promise<Page<NotesCursor>> {
  const query = ['order[id]=asc', ...pageQuery(at)]
  const list = await crm.list(`contacts/${ids[0]}/notes`, query, tools)
  const { next: place } = stepOn(at, list)
  const rest = ids.slice(1)
  const next = place ? { ids, at: place } : rest.length > 0 ? { ids: rest, at: listStart } : null
  return { records: list.records, next }
}

/** Streams of contacts whose notes are asked for together. */
export function notesSeeds(contactIds: readonly string[]): Omit<Seed, 'operation'>[] {
  const ids = [...new Set(contactIds)].toSorted()
  return Array.from({ length: Math.ceil(ids.length / pageSize) }, (_, i) =>
    notesSeed(ids.slice(i * pageSize, (i + 1) * pageSize)),
  )
}

function notesSeed(ids: string[]): Omit<Seed, 'operation'> {
  const cursor: NotesCursor = { ids, at: listStart }
  return { subject: `${ids[0]}..${ids.at(-1)} (${ids.length})`, cursor }
}
