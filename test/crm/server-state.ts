import { sql } from 'kysely'
import { type CrmWorld, lines } from './crm-world.ts'

interface Told {
  kind: 'contacts' | 'companies' | 'notes'
  /** False: deleted without a trace. */
  listed: boolean
  id: number
  entity_id: number
  entity_type: string
  name: string
  first_name: string
  last_name: string
  responsible_user_id: number
  created_at: number
  updated_at: number
  closest_task_at: number | null
  is_deleted: boolean
  custom_fields_values:
    | { field_code: string | null; values: { value: string; enum_code?: string }[] }[]
    | null
  _embedded: { tags: { name: string }[]; companies?: { id: number }[] }
}

/** What the server holds now, as our tables ought to have it. */
export async function stateOf(world: CrmWorld): Promise<Told[]> {
  return lines<Told>(await world.admin('GET', '/amocrm/state'))
}

const iso = (seconds: number | null) =>
  seconds === null ? null : new Date(seconds * 1000).toISOString()

export function asRow(contact: Told) {
  return {
    id: String(contact.id),
    name: contact.name,
    first_name: contact.first_name,
    last_name: contact.last_name,
    company: contact._embedded.companies?.[0] ? String(contact._embedded.companies[0].id) : null,
    user: String(contact.responsible_user_id),
    fields: contact.custom_fields_values,
    tags: contact._embedded.tags.map(({ name }) => name),
    closest_task_at: iso(contact.closest_task_at),
    created_at: iso(contact.created_at),
    updated_at: iso(contact.updated_at),
    channels: (contact.custom_fields_values ?? []).flatMap(({ field_code, values }) =>
      field_code === 'PHONE' || field_code === 'EMAIL'
        ? values.map(({ value, enum_code }) => `${field_code} ${enum_code}: ${value}`)
        : [],
    ),
  }
}

export async function contactRows(world: CrmWorld) {
  const { rows } = await sql<
    ReturnType<typeof asRow> & { deleted: boolean; missing: boolean; unlinked: boolean }
  >`
    select external_id as id, name, first_name, last_name, company_external_id as company,
      responsible_user_external_id as user, custom_fields as fields, tags,
      to_char(closest_task_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as closest_task_at,
      to_char(created_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as created_at,
      to_char(updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS".000Z"') as updated_at,
      coalesce((select array_agg(case kind when 'phone' then 'PHONE ' else 'EMAIL ' end || label || ': ' || value
        order by position) from contact_channels ch
        where ch.source = c.source and ch.contact_external_id = c.external_id), '{}') as channels,
      deleted_at is not null as deleted, missing_since is not null as missing, unlinked_at is not null as unlinked
    from contacts c where source = 'amocrm'`.execute(world.db)
  return rows
}

/** Where the tables do not equal what the server holds now: nothing, as it should be. */
export async function differences(world: CrmWorld): Promise<unknown[]> {
  const state = (await stateOf(world)).filter(({ kind }) => kind === 'contacts')
  const rows = new Map((await contactRows(world)).map((row) => [row.id, row]))
  const alive = state.filter((told) => told.listed && !told.is_deleted)
  const wrong: unknown[] = []
  for (const told of alive) {
    const due = { ...asRow(told), deleted: false, missing: false }
    const { unlinked: _, ...have } = rows.get(due.id) ?? { unlinked: false }
    if (JSON.stringify(sorted(due)) !== JSON.stringify(sorted(have))) wrong.push({ due, have })
  }
  const living = new Set(alive.map(({ id }) => String(id)))
  // Those that came and went while nobody looked are unknown to us.
  const traced = new Set(state.filter((told) => told.listed).map(({ id }) => String(id)))
  for (const row of rows.values()) {
    if (living.has(row.id)) continue
    const due = traced.has(row.id) ? 'deleted' : 'missing'
    const have = row.deleted ? 'deleted' : row.missing ? 'missing' : 'alive'
    if (have !== due) wrong.push({ id: row.id, due, have })
  }
  return wrong.slice(0, 3)
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const)
  return Object.fromEntries(entries.toSorted(([a], [b]) => (a < b ? -1 : 1)))
}
