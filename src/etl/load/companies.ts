import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { CompanyRow } from '../transform/amocrm.ts'
import { isReplay, unlessMet } from './replayed.ts'

const source = 'amocrm'

export async function loadCompanies(
  trx: Transaction<DB>,
  rows: readonly Loaded<CompanyRow>[],
): Promise<void> {
  const json = toJsonb(rows)
  const deletedAt = unlessMet(rows, 'c.deleted_at')
  await sql`
    insert into public.companies as c (source, external_id, name, responsible_user_external_id, custom_fields, tags,
      created_at, updated_at, service_call_id)
    select ${source}, external_id, name, responsible_user_external_id, custom_fields, tags, created_at, updated_at, service_call_id
    from jsonb_to_recordset(${json}::jsonb) as r (external_id text, name text, responsible_user_external_id text,
      custom_fields jsonb, tags text[], created_at timestamptz, updated_at timestamptz, service_call_id uuid)
    on conflict (source, external_id) do update set
      name = excluded.name, responsible_user_external_id = excluded.responsible_user_external_id,
      custom_fields = excluded.custom_fields, tags = excluded.tags, created_at = excluded.created_at,
      updated_at = excluded.updated_at, deleted_at = ${deletedAt}, service_call_id = excluded.service_call_id
    where (c.name, c.responsible_user_external_id, c.custom_fields, c.tags, c.created_at, c.updated_at, c.deleted_at)
      is distinct from (excluded.name, excluded.responsible_user_external_id, excluded.custom_fields, excluded.tags,
        excluded.created_at, excluded.updated_at, ${deletedAt})`.execute(trx)
  if (isReplay(rows)) await linkUntold(trx, rows)
}

/** Contacts that don't tell their company have none in a table that was emptied: companies tell it. */
async function linkUntold(
  trx: Transaction<DB>,
  rows: readonly Loaded<CompanyRow>[],
): Promise<void> {
  const json = toJsonb(rows.filter(({ contact_ids: ids }) => ids !== undefined))
  await sql`
    update public.contacts c set company_external_id = r.external_id, service_call_id = r.service_call_id
    from jsonb_to_recordset(${json}::jsonb) as r (external_id text, contact_ids text[], service_call_id uuid)
    cross join unnest(r.contact_ids) as k (id)
    join raw.records told on told.source = ${source} and told.entity = 'contacts' and told.external_id = k.id
    where c.source = ${source} and c.external_id = k.id and c.company_external_id is null and c.unlinked_at is null
      and told.payload -> '_embedded' -> 'companies' is null`.execute(trx)
}

/** Links and unlinks contacts by what companies say of them, where they do. */
export async function linkContacts(
  trx: Transaction<DB>,
  rows: readonly CompanyRow[],
  serviceCallId: string,
): Promise<void> {
  const json = toJsonb(rows.map(({ external_id, contact_ids }) => ({ external_id, contact_ids })))
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
        and c.deleted_at is null and not exists (select from link k where k.contact = c.external_id)
    )
    update public.contacts c set company_external_id = k.company, unlinked_at = null, service_call_id = ${serviceCallId}::uuid
    from link k
    where c.source = ${source} and c.external_id = k.contact and c.company_external_id is distinct from k.company`.execute(
    trx,
  )
}

/** Marks companies that were asked for by id and did not come; their contacts have none from then on. */
export async function markCompaniesGone(
  trx: Transaction<DB>,
  ids: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    with gone as (
      update public.companies set deleted_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
      where source = ${source} and external_id = any(${ids}::text[]) and deleted_at is null
    )
    update public.contacts set company_external_id = null, unlinked_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and company_external_id = any(${ids}::text[]) and deleted_at is null`.execute(
    trx,
  )
}
