import { z } from 'zod'
import type { Transformed } from '../stream.ts'
import { id, moment, optional, text } from './amocrm.ts'
import { validated } from './validated.ts'

const note = z.looseObject({
  id,
  entity_id: id,
  note_type: z.string().min(1),
  // May be missing, or PHP's empty array for an empty object (upstreams/amocrm.md, 4); what it holds varies.
  params: z
    .unknown()
    .optional()
    .transform((value) => (Array.isArray(value) && value.length === 0 ? {} : value)),
  created_at: moment.nullish(),
  updated_at: moment.nullish(),
})
const withText = z.looseObject({ text: optional(text) })

export interface NoteRow {
  external_id: string
  contact_external_id: string
  note_type: string
  text: string | null
  params: unknown
  created_at: string | null
  updated_at: string | null
}

export function toNote(payload: unknown): Transformed<NoteRow> {
  return validated(note, payload, (record) => ({
    external_id: record.id,
    contact_external_id: record.entity_id,
    note_type: record.note_type,
    text: withText.safeParse(record.params).data?.text ?? null,
    params: record.params ?? null,
    created_at: record.created_at ?? null,
    updated_at: record.updated_at ?? null,
  }))
}
