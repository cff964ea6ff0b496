import { type Selectable, sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { ContactRow } from '../transform/amocrm-contact.ts'
import { isReplay, unlessMet } from './replayed.ts'

const source = 'amocrm'

/** Contacts with their phones and e-mails. One that is met again is neither deleted nor missing. */
export async function loadContacts(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
): Promise<void> {
  const told = await withKnownCompanies(trx, rows)
  const missingSince = unlessMet(rows, 'c.missing_since')
  const deletedAt = sql`case when excluded.deleted_at is null then ${unlessMet(rows, 'c.deleted_at')}
    else coalesce(c.deleted_at, excluded.deleted_at) end`
  const json = toJsonb(told.map((row) => ({ ...row, channels: undefined })))
  await sql`
    insert into public.contacts as c (source, external_id, name, first_name, last_name, company_external_id,
      responsible_user_external_id, custom_fields, tags, closest_task_at, created_at, updated_at, deleted_at, service_call_id)
    select ${source}, external_id, name, first_name, last_name, company_external_id,
      responsible_user_external_id, custom_fields, tags, closest_task_at, created_at, updated_at,
      case when is_deleted then coalesce(updated_at, clock_timestamp()) end, service_call_id
    from jsonb_to_recordset(${json}::jsonb) as r (external_id text, name text, first_name text, last_name text,
      company_external_id text, responsible_user_external_id text, custom_fields jsonb, tags text[],
      closest_task_at timestamptz, created_at timestamptz, updated_at timestamptz, is_deleted boolean,
      service_call_id uuid)
    on conflict (source, external_id) do update set
      name = excluded.name, first_name = excluded.first_name, last_name = excluded.last_name,
      company_external_id = excluded.company_external_id,
      responsible_user_external_id = excluded.responsible_user_external_id,
      custom_fields = excluded.custom_fields, tags = excluded.tags, closest_task_at = excluded.closest_task_at,
      created_at = excluded.created_at, updated_at = excluded.updated_at, missing_since = ${missingSince},
      deleted_at = ${deletedAt},
      unlinked_at = case when excluded.company_external_id is not null then null
        when c.company_external_id is not null then clock_timestamp() else c.unlinked_at end,
      service_call_id = excluded.service_call_id
    where (c.name, c.first_name, c.last_name, c.company_external_id, c.responsible_user_external_id, c.custom_fields,
        c.tags, c.closest_task_at, c.created_at, c.updated_at, c.deleted_at, c.missing_since)
      is distinct from (excluded.name, excluded.first_name, excluded.last_name, excluded.company_external_id,
        excluded.responsible_user_external_id, excluded.custom_fields, excluded.tags, excluded.closest_task_at,
        excluded.created_at, excluded.updated_at, ${deletedAt}, ${missingSince})`.execute(trx)
  await loadChannels(trx, rows)
}

/** Where an answer does not tell of companies, a contact keeps the one that it has. */
async function withKnownCompanies(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
): Promise<readonly Loaded<ContactRow>[]> {
  if (isReplay(rows)) return await withLinks(trx, rows)
  const untold = rows.filter((row) => row.company_external_id === undefined)
  if (untold.length === 0) return rows
  const known = await trx
    .selectFrom('contacts')
    .select(['external_id', 'company_external_id'])
    .where('source', '=', source)
    .where(
      'external_id',
      'in',
      untold.map((row) => row.external_id),
    )
    .execute()
  const companyOf = new Map(known.map((row) => [row.external_id, row.company_external_id]))
  return rows.map((row) =>
    row.company_external_id === undefined
      ? { ...row, company_external_id: companyOf.get(row.external_id) ?? null }
      : row,
  )
}

/**
 * A contact that is transformed again keeps its company too where the last word on it was a company's, and stays explained
 * by that.
 */
async function withLinks(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
): Promise<readonly Loaded<ContactRow>[]> {
  const ids = rows.map((row) => row.external_id)
  const { rows: known } = await sql<Link & { is_linked: boolean }>`
    select c.external_id, c.company_external_id, c.service_call_id,
      coalesce(c.deleted_at, c.missing_since) is not null or exists (
        select from ledger.service_calls s where s.id = c.service_call_id and s.operation like 'companies%') as is_linked
    from public.contacts c where c.source = ${source} and c.external_id = any(${ids}::text[])
    order by c.external_id for no key update`.execute(trx)
  const linkOf = new Map(
    known.map(({ is_linked, ...link }) => [link.external_id, { is_linked, link }]),
  )
  return rows.map((row) => {
    const stored = linkOf.get(row.external_id)
    if (stored?.is_linked) return { ...row, ...stored.link }
    if (row.company_external_id !== undefined) return row
    return { ...row, company_external_id: stored?.link.company_external_id ?? null }
  })
}

type Link = Pick<
  Selectable<DB['contacts']>,
  'external_id' | 'company_external_id' | 'service_call_id'
>

async function loadChannels(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
): Promise<void> {
  const json = toJsonb(
    rows.map(({ external_id, channels, service_call_id }) => ({
      external_id,
      channels,
      service_call_id,
    })),
  )
  const { rows: shrunk } = await sql<{ external_id: string }>`
    with told as materialized (
      select external_id, channels, service_call_id
      from jsonb_to_recordset(${json}::jsonb) as r (external_id text, channels jsonb, service_call_id uuid)
    ), incoming as (
      select t.external_id, t.service_call_id, ch.* from told t
      cross join lateral rows from (jsonb_to_recordset(t.channels) as (kind text, value text, normalized text, label text))
        with ordinality as ch (kind, value, normalized, label, position)
    ), saved as (
      insert into public.contact_channels as c (source, contact_external_id, position, kind, value, normalized, label, service_call_id)
      select ${source}, external_id, position, kind, value, normalized, label, service_call_id from incoming
      on conflict (source, contact_external_id, position) do update set
        kind = excluded.kind, value = excluded.value, normalized = excluded.normalized, label = excluded.label,
        service_call_id = excluded.service_call_id
      where (c.kind, c.value, c.normalized, c.label) is distinct from (excluded.kind, excluded.value, excluded.normalized, excluded.label)
    )
    -- A subquery, not a join: each contact is looked up by the index, however few rows the table seems to have.
    select external_id from told where jsonb_array_length(channels) < (
      select max(c.position) from public.contact_channels c where c.source = ${source} and c.contact_external_id = told.external_id)`.execute(
    trx,
  )
  await removeSurplus(trx, rows, new Set(shrunk.map(({ external_id }) => external_id)))
}

/** Channels of contacts that have fewer now: rare. */
async function removeSurplus(
  trx: Transaction<DB>,
  rows: readonly Loaded<ContactRow>[],
  shrunk: ReadonlySet<string>,
): Promise<void> {
  if (shrunk.size === 0) return
  const left = rows
    .filter(({ external_id }) => shrunk.has(external_id))
    .map(({ external_id, channels }) => ({ external_id, count: channels.length }))
  await sql`
    delete from public.contact_channels c
    using jsonb_to_recordset(${JSON.stringify(left)}::jsonb) as t (external_id text, count int)
    where c.source = ${source} and c.contact_external_id = t.external_id and c.position > t.count`.execute(
    trx,
  )
}
