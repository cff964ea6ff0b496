import { z } from 'zod'
import { isObject } from '../../is-object.ts'
import type { Transformed } from '../stream.ts'
import { stableJson } from '../load/json.ts'
import { validated } from './validated.ts'

/*
 * What is refused is what could not be loaded without losing something: a record without id, a name that is no text, custom
 * fields that are no list (the contact's phones would go). Other oddities cost just the part that has them.
 */

/** Unix seconds (upstreams/amocrm.md, 3); what lies outside of what Postgres and people mean is refused. */
const unixSeconds = z
  .union([
    z.int(),
    z
      .string()
      .regex(/^\d{1,11}$/, 'must be Unix seconds')
      .transform(Number),
  ])
  .pipe(z.int().min(0).max(32_503_680_000))
export const moment = unixSeconds.transform((seconds) => new Date(seconds * 1000).toISOString())
export const id = z
  .union([z.int().positive(), z.string().regex(/^[1-9]\d{0,15}$/, 'must be a number')])
  .transform(String)
export const text = z.string().max(100_000)
const userId = z.int().nonnegative().transform(String)
/** What can be done without: null where it is of a shape that we do not know. */
export const optional = <T extends z.ZodType>(schema: T) => schema.nullish().catch(null)

/** PHP writes a list with gaps as an object, and an empty object as a list. */
export const list = z.preprocess(
  (value) =>
    isObject(value) && Object.values(value).every(isObject) ? Object.values(value) : value,
  z.array(z.unknown()),
)
/** A list of records of which those of a known shape are kept. */
export const listOf = <T extends z.ZodType>(schema: T) =>
  list.transform((all) =>
    all.flatMap((one) => {
      const parsed = schema.safeParse(one)
      return parsed.success ? [parsed.data] : []
    }),
  )

export const entity = z.looseObject({
  id,
  name: text.nullish(),
  responsible_user_id: optional(userId),
  created_at: moment.nullish(),
  updated_at: moment.nullish(),
  is_deleted: optional(z.boolean()),
  // null where there are none, not [] (upstreams/amocrm.md, 3)
  custom_fields_values: list.nullish(),
})
export const embedded = {
  tags: optional(listOf(z.looseObject({ name: z.string() }))),
}
const company = entity.extend({
  _embedded: optional(
    z.looseObject({ ...embedded, contacts: optional(listOf(z.looseObject({ id }))) }),
  ),
})

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

export function toCompany(payload: unknown): Transformed<CompanyRow> {
  return validated(company, payload, (record) => ({
    ...common(record),
    contact_ids: record._embedded?.contacts?.map((contact) => contact.id),
  }))
}

/** `_links` as amoCRM writes them, beside what else an object holds. In JSON a quote inside a text is escaped: this is none. */
const links =
  /"_links":\{"[a-z]+":\{"href":"(?:[^"\\]|\\.)*"\}\},|,?"_links":\{"[a-z]+":\{"href":"(?:[^"\\]|\\.)*"\}\}/g

/** A record's JSON without its links: they hold the host, not the record, and a moved account is no change. */
export function withoutLinks(json: string): string {
  const left = json.replace(links, '')
  return left.includes('"_links":') ? stableJson(linkless(JSON.parse(left))) : left
}

/** Links of any other shape. */
function linkless(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(linkless)
  if (!isObject(value)) return value
  const kept = Object.entries(value).filter(([key]) => key !== '_links')
  return Object.fromEntries(kept.map(([key, inner]) => [key, linkless(inner)]))
}

/** The id of an amoCRM record, as text. */
export function amocrmId(payload: unknown): string | undefined {
  return isObject(payload) ? id.safeParse(payload['id']).data : undefined
}

/** When a record was last changed, in Unix seconds; undefined where it does not say. */
export function changedAt(payload: unknown): number | undefined {
  return isObject(payload) ? unixSeconds.safeParse(payload['updated_at']).data : undefined
}

export function common(
  record: z.output<typeof entity> & {
    _embedded?: { tags?: { name: string }[] | null | undefined } | null | undefined
  },
) {
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
