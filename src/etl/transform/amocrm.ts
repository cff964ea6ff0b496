import { z } from 'zod'
import type { Transformed } from '../stream.ts'

/** Unix seconds (upstreams/amocrm.md, 3) to a moment; what lies outside of what Postgres and people mean is refused. */
const moment = z
  .int()
  .min(0)
  .max(32_503_680_000)
  .transform((seconds) => new Date(seconds * 1000).toISOString())
const id = z.int().positive().transform(String)
const userId = z.int().nonnegative().transform(String)
const text = z.string().max(100_000)

const customField = z.looseObject({
  field_id: z.int(),
  field_code: z.string().nullish(),
  values: z.array(
    z.looseObject({
      value: z.unknown().optional(),
      enum_code: z.string().nullish(),
      enum: z.unknown().optional(),
    }),
  ),
})
const tags = z.array(z.looseObject({ name: z.string() })).nullish()

const entity = z.looseObject({
  id,
  name: text.nullish(),
  responsible_user_id: userId.nullish(),
  created_at: moment.nullish(),
  updated_at: moment.nullish(),
  is_deleted: z.boolean().nullish(),
  // null where there are none, not [] (upstreams/amocrm.md, 3)
  custom_fields_values: z.array(customField).nullish(),
})
const contact = entity.extend({
  first_name: text.nullish(),
  last_name: text.nullish(),
  closest_task_at: moment.nullish(),
  _embedded: z.looseObject({ tags, companies: z.array(z.looseObject({ id })).nullish() }).nullish(),
})
const company = entity.extend({
  _embedded: z.looseObject({ tags, contacts: z.array(z.looseObject({ id })).nullish() }).nullish(),
})
// `params` may be missing, or PHP's empty array for an empty object (upstreams/amocrm.md, 4).
const noteParams = z.preprocess(
  (value) => (Array.isArray(value) ? {} : value),
  z.looseObject({ text: z.string().nullish() }).nullish(),
)
const note = z.looseObject({
  id,
  entity_id: id,
  note_type: z.string().min(1),
  params: noteParams,
  created_at: moment.nullish(),
  updated_at: moment.nullish(),
})

export interface ContactRow {
  external_id: string
  name: string | null
  first_name: string | null
  last_name: string | null
  company_external_id: string | null
  responsible_user_external_id: string | null
  custom_fields: unknown
  tags: string[]
  closest_task_at: string | null
  created_at: string | null
  updated_at: string | null
  channels: ContactChannel[]
}
export interface ContactChannel {
  kind: 'phone' | 'email'
  value: string
  normalized: string | null
  label: string | null
}
export interface CompanyRow {
  external_id: string
  name: string | null
  responsible_user_external_id: string | null
  custom_fields: unknown
  tags: string[]
  created_at: string | null
  updated_at: string | null
  /** Undefined where the answer does not list them (asked without `with=contacts`). */
  contact_ids: string[] | undefined
}
export interface NoteRow {
  external_id: string
  contact_external_id: string
  note_type: string
  text: string | null
  params: unknown
  created_at: string | null
  updated_at: string | null
}

export function toContact(payload: unknown): Transformed<ContactRow> {
  return validated(contact, payload, (record) => ({
    ...common(record),
    first_name: record.first_name ?? null,
    last_name: record.last_name ?? null,
    company_external_id: record._embedded?.companies?.[0]?.id ?? null,
    closest_task_at: record.closest_task_at ?? null,
    channels: channelsOf(record.custom_fields_values ?? []),
  }))
}

export function toCompany(payload: unknown): Transformed<CompanyRow> {
  return validated(company, payload, (record) => ({
    ...common(record),
    contact_ids: record._embedded?.contacts?.map(({ id }) => id),
  }))
}

export function toNote(payload: unknown): Transformed<NoteRow> {
  return validated(note, payload, (record) => ({
    external_id: record.id,
    contact_external_id: record.entity_id,
    note_type: record.note_type,
    text: record.params?.text ?? null,
    params: record.params ?? null,
    created_at: record.created_at ?? null,
    updated_at: record.updated_at ?? null,
  }))
}

/** A record without its links: they hold the host, not the record, and a moved account is no change. */
export function withoutLinks(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLinks)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => key !== '_links')
  return Object.fromEntries(kept.map(([key, inner]) => [key, withoutLinks(inner)]))
}

/** The id of an amoCRM record, as text. */
export function amocrmId(payload: unknown): string | undefined {
  const found = z.looseObject({ id }).safeParse(payload)
  return found.success ? found.data.id : undefined
}

function validated<T extends z.ZodType, Row>(
  schema: T,
  payload: unknown,
  normalize: (record: z.output<T>) => Row,
): Transformed<Row> {
  const parsed = schema.safeParse(payload)
  if (parsed.success) return { row: normalize(parsed.data) }
  return {
    reject: parsed.error.issues
      .map((issue) => `${issue.path.join('.')}: ${issue.message}`)
      .join('; '),
  }
}

function common(record: z.output<typeof contact> | z.output<typeof company>) {
  return {
    external_id: record.id,
    name: record.name ?? null,
    responsible_user_external_id: record.responsible_user_id ?? null,
    custom_fields: record.custom_fields_values ?? null,
    tags: record._embedded?.tags?.map(({ name }) => name) ?? [],
    created_at: record.created_at ?? null,
    updated_at: record.updated_at ?? null,
  }
}

/** Phones and e-mails are multitext fields with these codes; old answers say `enum` for `enum_code` (upstreams/amocrm.md, 3). */
function channelsOf(fields: z.output<typeof customField>[]): ContactChannel[] {
  const kinds: Record<string, ContactChannel['kind']> = { PHONE: 'phone', EMAIL: 'email' }
  return fields.flatMap(({ field_code, values }) => {
    const kind = kinds[field_code ?? '']
    if (!kind) return []
    return values.flatMap(({ value, enum_code, enum: oldCode }) => {
      if ((typeof value !== 'string' && typeof value !== 'number') || value === '') return []
      const label = enum_code ?? (typeof oldCode === 'string' ? oldCode : null)
      return [
        { kind, value: String(value), normalized: normalizeChannel(kind, String(value)), label },
      ]
    })
  })
}

/** Phones are free text as typed: kept are the digits and a leading plus. Null where nothing is left. */
export function normalizeChannel(kind: ContactChannel['kind'], value: string): string | null {
  const trimmed = value.trim()
  if (kind === 'email') return trimmed.toLowerCase() || null
  const digits = trimmed.replace(/\D/g, '')
  return digits ? (trimmed.startsWith('+') ? `+${digits}` : digits) : null
}
