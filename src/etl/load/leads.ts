import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'
import type { FoundRow, MatchRow } from '../transform/apollo.ts'
import { toldLater } from './replayed.ts'

const source = 'apollo'

/** People as the search tells them: what it leaves out and enrichment once told stays. */
export async function loadFound(
  trx: Transaction<DB>,
  found: readonly Loaded<FoundRow>[],
): Promise<void> {
  const rows = await withLaterWord(trx, found, 'people.matched')
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
  matches: readonly Loaded<MatchRow>[],
): Promise<void> {
  const rows = await withLaterWord(trx, matches, 'people')
  await sql`
    insert into public.leads as l (source, external_id, first_name, last_name, title, headline, seniority, email, email_status,
      linkedin_url, city, state, country, organization_external_id, organization_name, organization_domain,
      organization_linkedin_url, organization_industry, organization_employees, enriched_at, service_call_id)
    select ${source}, external_id, first_name, last_name, title, headline, seniority, email, email_status,
      linkedin_url, city, state, country, organization_external_id, organization_name, organization_domain,
      organization_linkedin_url, organization_industry, organization_employees, coalesce(fetched_at, clock_timestamp()), service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, first_name text, last_name text, title text,
      headline text, seniority text, email text, email_status text, linkedin_url text, city text, state text, country text,
      organization_external_id text, organization_name text, organization_domain text, organization_linkedin_url text,
      organization_industry text, organization_employees int, fetched_at timestamptz, service_call_id uuid)
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

/** What search and enrichment both tell. */
const shared = ['first_name', 'title', 'linkedin_url', 'organization_name'] as const
type Shared = Record<(typeof shared)[number], string | null>

/** A person that is transformed again, and of whom the other kind of record was fetched later: what both tell stays as that told it. */
async function withLaterWord<Row extends { external_id: string } & Shared>(
  trx: Transaction<DB>,
  rows: readonly Loaded<Row>[],
  other: string,
): Promise<readonly Loaded<Row>[]> {
  const later = await toldLater(trx, rows, { source, entity: other })
  if (later.size === 0) return rows
  const stored = await trx
    .selectFrom('leads')
    .select(['external_id', ...shared])
    .where('source', '=', source)
    .where('external_id', 'in', [...later])
    .orderBy('external_id')
    .forNoKeyUpdate()
    .execute()
  const storedOf = new Map(stored.map((row) => [row.external_id, row]))
  return rows.map((row) => {
    const lead = storedOf.get(row.external_id)
    const kept = shared.flatMap((name) => (lead?.[name] == null ? [] : [[name, lead[name]]]))
    return { ...row, ...Object.fromEntries(kept) }
  })
}
