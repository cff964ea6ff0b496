import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.generated.ts'
import type { CompanyRow, ContactRow, NoteRow } from '../transform/amocrm.ts'
import { toJsonb } from './json.ts'

const source = 'amocrm'

/** Contacts with their phones and e-mails. One that is met again is neither deleted nor missing. */
export async function loadContacts(
  trx: Transaction<DB>,
  rows: readonly ContactRow[],
  serviceCallId: string,
): Promise<void> {
  const json = toJsonb(rows)
  await sql`
    insert into public.contacts as c (source, external_id, name, first_name, last_name, company_external_id,
      responsible_user_external_id, custom_fields, tags, closest_task_at, created_at, updated_at, service_call_id)
    select ${source}, external_id, name, first_name, last_name, company_external_id,
      responsible_user_external_id, custom_fields, tags, closest_task_at, created_at, updated_at, ${serviceCallId}::uuid
    from jsonb_to_recordset(${json}::jsonb) as r (external_id text, name text, first_name text, last_name text,
      company_external_id text, responsible_user_external_id text, custom_fields jsonb, tags text[],
      closest_task_at timestamptz, created_at timestamptz, updated_at timestamptz)
    on conflict (source, external_id) do update set
      name = excluded.name, first_name = excluded.first_name, last_name = excluded.last_name,
      company_external_id = excluded.company_external_id,
      responsible_user_external_id = excluded.responsible_user_external_id,
      custom_fields = excluded.custom_fields, tags = excluded.tags, closest_task_at = excluded.closest_task_at,
      created_at = excluded.created_at, updated_at = excluded.updated_at, deleted_at = null, missing_since = null,
      unlinked_at = case when excluded.company_external_id is not null then null
        when c.company_external_id is not null then clock_timestamp() else c.unlinked_at end,
      service_call_id = excluded.service_call_id
    where (c.name, c.first_name, c.last_name, c.company_external_id, c.responsible_user_external_id, c.custom_fields,
        c.tags, c.closest_task_at, c.created_at, c.updated_at, c.deleted_at, c.missing_since)
      is distinct from (excluded.name, excluded.first_name, excluded.last_name, excluded.company_external_id,
        excluded.responsible_user_external_id, excluded.custom_fields, excluded.tags, excluded.closest_task_at,
        excluded.created_at, excluded.updated_at, null::timestamptz, null::timestamptz)`.execute(
    trx,
  )
  await sql`
    with incoming as (
      select r.external_id, ch.* from jsonb_to_recordset(${json}::jsonb) as r (external_id text, channels jsonb)
      cross join lateral rows from (jsonb_to_recordset(r.channels) as (kind text, value text, normalized text, label text))
        with ordinality as ch (kind, value, normalized, label, position)
    ), gone as (
      delete from public.contact_channels c
      using jsonb_to_recordset(${json}::jsonb) as r (external_id text, channels jsonb)
      where c.source = ${source} and c.contact_external_id = r.external_id and c.position > jsonb_array_length(r.channels)
    )
    insert into public.contact_channels as c (source, contact_external_id, position, kind, value, normalized, label, service_call_id)
    select ${source}, external_id, position, kind, value, normalized, label, ${serviceCallId}::uuid from incoming
    on conflict (source, contact_external_id, position) do update set
      kind = excluded.kind, value = excluded.value, normalized = excluded.normalized, label = excluded.label,
      service_call_id = excluded.service_call_id
    where (c.kind, c.value, c.normalized, c.label) is distinct from (excluded.kind, excluded.value, excluded.normalized, excluded.label)`.execute(
    trx,
  )
}

/** Marks contacts that the upstream lists as deleted; those that we never had stay unknown. */
export async function markDeleted(
  trx: Transaction<DB>,
  rows: readonly ContactRow[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.contacts c set deleted_at = coalesce(r.updated_at, clock_timestamp()), service_call_id = ${serviceCallId}::uuid
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, updated_at timestamptz)
    where c.source = ${source} and c.external_id = r.external_id and c.deleted_at is null`.execute(
    trx,
  )
}

/** Marks contacts that were asked for by id and did not come: deleted for good, or merged into another. */
export async function markMissing(
  trx: Transaction<DB>,
  ids: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.contacts set missing_since = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and external_id = any(${ids}::text[]) and missing_since is null and deleted_at is null`.execute(
    trx,
  )
}

/** Companies; where the answer lists their contacts, links and unlinks them as well. */
export async function loadCompanies(
  trx: Transaction<DB>,
  rows: readonly CompanyRow[],
  serviceCallId: string,
): Promise<void> {
  const json = toJsonb(rows)
  await sql`
    insert into public.companies as c (source, external_id, name, responsible_user_external_id, custom_fields, tags,
      created_at, updated_at, service_call_id)
    select ${source}, external_id, name, responsible_user_external_id, custom_fields, tags, created_at, updated_at, ${serviceCallId}::uuid
    from jsonb_to_recordset(${json}::jsonb) as r (external_id text, name text, responsible_user_external_id text,
      custom_fields jsonb, tags text[], created_at timestamptz, updated_at timestamptz)
    on conflict (source, external_id) do update set
      name = excluded.name, responsible_user_external_id = excluded.responsible_user_external_id,
      custom_fields = excluded.custom_fields, tags = excluded.tags, created_at = excluded.created_at,
      updated_at = excluded.updated_at, deleted_at = null, service_call_id = excluded.service_call_id
    where (c.name, c.responsible_user_external_id, c.custom_fields, c.tags, c.created_at, c.updated_at, c.deleted_at)
      is distinct from (excluded.name, excluded.responsible_user_external_id, excluded.custom_fields, excluded.tags,
        excluded.created_at, excluded.updated_at, null::timestamptz)`.execute(trx)
  await sql`
    with link as (
      select r.external_id as company, k.id as contact
      from jsonb_to_recordset(${json}::jsonb) as r (external_id text, contact_ids text[]) cross join unnest(r.contact_ids) as k (id)
    ), listed as (
      select external_id as company from jsonb_to_recordset(${json}::jsonb) as r (external_id text, contact_ids text[])
      where contact_ids is not null
    ), unlinked as (
      update public.contacts c set company_external_id = null, unlinked_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
      from listed l
      where c.source = ${source} and c.company_external_id = l.company
        and not exists (select from link k where k.contact = c.external_id)
    )
    update public.contacts c set company_external_id = k.company, unlinked_at = null, service_call_id = ${serviceCallId}::uuid
    from link k
    where c.source = ${source} and c.external_id = k.contact and c.company_external_id is distinct from k.company`.execute(
    trx,
  )
}

export async function loadNotes(
  trx: Transaction<DB>,
  rows: readonly NoteRow[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    insert into public.contact_notes as n (source, external_id, contact_external_id, note_type, text, params, created_at, updated_at, service_call_id)
    select ${source}, external_id, contact_external_id, note_type, text, params, created_at, updated_at, ${serviceCallId}::uuid
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, contact_external_id text, note_type text,
      text text, params jsonb, created_at timestamptz, updated_at timestamptz)
    on conflict (source, external_id) do update set
      contact_external_id = excluded.contact_external_id, note_type = excluded.note_type, text = excluded.text,
      params = excluded.params, created_at = excluded.created_at, updated_at = excluded.updated_at,
      service_call_id = excluded.service_call_id
    where (n.contact_external_id, n.note_type, n.text, n.params, n.created_at, n.updated_at) is distinct from
      (excluded.contact_external_id, excluded.note_type, excluded.text, excluded.params, excluded.created_at, excluded.updated_at)`.execute(
    trx,
  )
}

/** Marks companies that were asked for by id and did not come. */
export async function markCompaniesGone(
  trx: Transaction<DB>,
  ids: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.companies set deleted_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and external_id = any(${ids}::text[]) and deleted_at is null`.execute(
    trx,
  )
}
