import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { FoundRow, MatchRow } from '../transform/apollo.ts'
import { toJsonb } from './json.ts'

const source = 'apollo'

/** People as the search tells them: what it leaves out and enrichment once told stays. */
export async function loadFound(
  trx: Transaction<DB>,
  rows: readonly Loaded<FoundRow>[],
): Promise<void> {
  await sql`
    with incoming as (
      select r.external_id, coalesce(r.first_name, l.first_name) as first_name, r.last_name_masked,
        coalesce(r.title, l.title) as title, coalesce(r.linkedin_url, l.linkedin_url) as linkedin_url,
        coalesce(r.organization_name, l.organization_name) as organization_name, r.has_email, r.has_direct_phone, r.refreshed_at,
        r.service_call_id
      from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, first_name text, last_name_masked text,
        title text, linkedin_url text, organization_name text, has_email boolean, has_direct_phone text, refreshed_at timestamptz,
        service_call_id uuid)
      left join public.leads l on l.source = ${source} and l.external_id = r.external_id
    )
    insert into public.leads as l (source, external_id, first_name, last_name_masked, title, linkedin_url, organization_name,
      has_email, has_direct_phone, refreshed_at, service_call_id)
    select ${source}, external_id, first_name, last_name_masked, title, linkedin_url, organization_name,
      has_email, has_direct_phone, refreshed_at, service_call_id
    from incoming order by external_id
    on conflict (source, external_id) do update set
      first_name = excluded.first_name, last_name_masked = excluded.last_name_masked, title = excluded.title,
      linkedin_url = excluded.linkedin_url, organization_name = excluded.organization_name, has_email = excluded.has_email,
      has_direct_phone = excluded.has_direct_phone, refreshed_at = excluded.refreshed_at, service_call_id = excluded.service_call_id
    where (l.first_name, l.last_name_masked, l.title, l.linkedin_url, l.organization_name, l.has_email, l.has_direct_phone, l.refreshed_at)
      is distinct from (excluded.first_name, excluded.last_name_masked, excluded.title, excluded.linkedin_url,
        excluded.organization_name, excluded.has_email, excluded.has_direct_phone, excluded.refreshed_at)`.execute(
    trx,
  )
}

/** People as enrichment tells them; an address that only the search told stays. */
export async function loadMatches(
  trx: Transaction<DB>,
  rows: readonly Loaded<MatchRow>[],
): Promise<void> {
  await sql`
    insert into public.leads as l (source, external_id, first_name, last_name, title, headline, seniority, email, email_status,
      linkedin_url, city, state, country, organization_external_id, organization_name, organization_domain,
      organization_linkedin_url, organization_industry, organization_employees, enriched_at, service_call_id)
    select ${source}, external_id, first_name, last_name, title, headline, seniority, email, email_status,
      linkedin_url, city, state, country, organization_external_id, organization_name, organization_domain,
      organization_linkedin_url, organization_industry, organization_employees, clock_timestamp(), service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, first_name text, last_name text, title text,
      headline text, seniority text, email text, email_status text, linkedin_url text, city text, state text, country text,
      organization_external_id text, organization_name text, organization_domain text, organization_linkedin_url text,
      organization_industry text, organization_employees int, service_call_id uuid)
    order by external_id
    on conflict (source, external_id) do update set
      first_name = excluded.first_name, last_name = excluded.last_name, title = excluded.title, headline = excluded.headline,
      seniority = excluded.seniority, email = excluded.email, email_status = excluded.email_status,
      linkedin_url = coalesce(excluded.linkedin_url, l.linkedin_url), city = excluded.city, state = excluded.state,
      country = excluded.country, organization_external_id = excluded.organization_external_id,
      organization_name = coalesce(excluded.organization_name, l.organization_name),
      organization_domain = excluded.organization_domain, organization_linkedin_url = excluded.organization_linkedin_url,
      organization_industry = excluded.organization_industry, organization_employees = excluded.organization_employees,
      enriched_at = excluded.enriched_at, service_call_id = excluded.service_call_id
    where l.enriched_at is null or (l.first_name, l.last_name, l.title, l.headline, l.seniority, l.email, l.email_status, l.linkedin_url,
        l.city, l.state, l.country, l.organization_external_id, l.organization_name, l.organization_domain,
        l.organization_linkedin_url, l.organization_industry, l.organization_employees)
      is distinct from (excluded.first_name, excluded.last_name, excluded.title, excluded.headline, excluded.seniority, excluded.email,
        excluded.email_status, coalesce(excluded.linkedin_url, l.linkedin_url), excluded.city, excluded.state, excluded.country,
        excluded.organization_external_id, coalesce(excluded.organization_name, l.organization_name), excluded.organization_domain,
        excluded.organization_linkedin_url, excluded.organization_industry, excluded.organization_employees)`.execute(
    trx,
  )
}
