import { z } from 'zod'
import type { Transformed } from '../stream.ts'
import { common, embedded, entity, id, listOf, moment, optional, text } from './amocrm.ts'
import { channelsOf, type ContactChannel } from './contact-channels.ts'
import { validated } from './validated.ts'

const contact = entity.extend({
  first_name: text.nullish(),
  last_name: text.nullish(),
  closest_task_at: optional(moment),
  _embedded: optional(
    z.looseObject({ ...embedded, companies: optional(listOf(z.looseObject({ id }))) }),
  ),
})

export interface ContactRow {
  external_id: string
  name: string | null
  first_name: string | null
  last_name: string | null
  /** Undefined where the answer does not tell of companies: what is known then stays. */
  company_external_id: string | null | undefined
  responsible_user_external_id: string | null
  custom_fields: unknown
  tags: string[]
  closest_task_at: string | null
  created_at: string | null
  updated_at: string | null
  is_deleted: boolean
  channels: ContactChannel[]
}

export function toContact(payload: unknown): Transformed<ContactRow> {
  return validated(contact, payload, (record) => {
    const companies = record._embedded?.companies
    return {
      ...common(record),
      first_name: record.first_name ?? null,
      last_name: record.last_name ?? null,
      // At most one (upstreams/amocrm.md, 2).
      company_external_id: companies ? (companies[0]?.id ?? null) : undefined,
      closest_task_at: record.closest_task_at ?? null,
      is_deleted: record.is_deleted ?? false,
      channels: channelsOf(record.custom_fields_values ?? []),
    }
  })
}
