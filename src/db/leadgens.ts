import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'
import type { DB } from './schema.generated.ts'

export type EndedBy = 'target' | 'exhausted' | 'max_runtime' | 'max_credits' | 'quota'

export interface LeadgenState {
  /** How long it has been searching, over attempts, as last written. */
  ranMs: number
  /** Null: it is still to search. */
  endedBy: EndedBy | null
}

/** How far a leadgen is; the first time, that there is one. */
export async function openLeadgenState(db: Db, jobCallId: string): Promise<LeadgenState> {
  const { rows } = await sql<LeadgenState>`
    insert into ledger.leadgens as l (job_call_id) values (${jobCallId})
    on conflict (job_call_id) do update set ran_ms = l.ran_ms
    returning ran_ms as "ranMs", ended_by as "endedBy"`.execute(db)
  return rows[0] ?? { ranMs: 0, endedBy: null }
}

/** Never backwards: an attempt that lost its lease may come late. */
export async function noteRan(
  db: Db | Transaction<DB>,
  jobCallId: string,
  ranMs: number,
): Promise<void> {
  await sql`
    update ledger.leadgens set ran_ms = greatest(ran_ms, ${Math.round(ranMs)})
    where job_call_id = ${jobCallId}`.execute(db)
}

/** Writes down what ended the search, while the lease is ours; the first reason stays. */
export async function noteEnd(
  db: Db,
  { id, lease_token }: Pick<JobCall, 'id' | 'lease_token'>,
  endedBy: EndedBy,
  ranMs: number,
): Promise<void> {
  await sql`
    with fence as (
      select id from ledger.job_calls where id = ${id} and lease_token = ${lease_token} for share
    )
    update ledger.leadgens l set ended_by = coalesce(l.ended_by, ${endedBy}), ran_ms = greatest(l.ran_ms, ${Math.round(ranMs)})
    from fence where l.job_call_id = fence.id`.execute(db)
}

export interface NewLead {
  id: string
  /** Whether the search told the address: then nothing has to be paid for it. */
  hasAddress: boolean
}

/** Adds leads in this order behind those that are there. */
export async function addLeads(
  trx: Transaction<DB>,
  jobCallId: string,
  step: StepName,
  leads: readonly NewLead[],
): Promise<void> {
  await sql`
    insert into public.leadgen_leads (job_call_id, position, source, external_id, step, enrichment)
    select ${jobCallId}, (select count(*) from public.leadgen_leads where job_call_id = ${jobCallId}) + n,
      'apollo', id, ${step}, case when "hasAddress" then 'not needed' else 'open' end
    from rows from (jsonb_to_recordset(${JSON.stringify(leads)}::jsonb) as (id text, "hasAddress" boolean)) with ordinality as l (id, "hasAddress", n)`.execute(
    trx,
  )
}

/** Writes down what became of leads that were asked for. */
export async function markEnriched(
  trx: Transaction<DB>,
  jobCallId: string,
  enrichment: 'matched' | 'missed',
  ids: readonly string[],
): Promise<void> {
  await sql`
    update public.leadgen_leads set enrichment = ${enrichment}
    where job_call_id = ${jobCallId} and source = 'apollo' and external_id = any(${ids}::text[])`.execute(
    trx,
  )
}

/** How many leads it has, and which of these people are among them. */
export async function lookAtLeads(
  db: Db,
  jobCallId: string,
  ids: readonly string[] = [],
): Promise<{ count: number; known: Set<string> }> {
  const { rows } = await sql<{ count: number; known: string[] | null }>`
    select count(*) as count, array_agg(external_id) filter (where external_id = any(${ids}::text[])) as known
    from public.leadgen_leads where job_call_id = ${jobCallId}`.execute(db)
  return { count: rows[0]?.count ?? 0, known: new Set(rows[0]?.known) }
}

export type StepName = 'strict' | 'medium' | 'loose'

export interface StepCounts {
  step: StepName
  /** Pages read. */
  pages: number
  /** People on them. */
  found: number
  /** Leads that no step or page before had. */
  new: number
}

/** What each step brought, in the order in which they were begun. */
export async function listSteps(
  db: Db,
  jobCallId: string,
  operationOf: (step: StepName) => string,
): Promise<StepCounts[]> {
  const names = (['strict', 'medium', 'loose'] as const).map((step) => ({
    step,
    operation: operationOf(step),
  }))
  const { rows } = await sql<StepCounts>`
    select n.step, s.pages, s.rows_read as found,
      (select count(*) from public.leadgen_leads l where l.job_call_id = s.job_call_id and l.step = n.step) as new
    from ledger.service_calls s
    join jsonb_to_recordset(${JSON.stringify(names)}::jsonb) as n (step text, operation text) using (operation)
    where s.job_call_id = ${jobCallId} and s.service = 'apollo' order by s.id`.execute(db)
  return rows
}

/** Credits that a call is known to have spent. */
export async function creditsSpent(db: Db, jobCallId: string): Promise<number> {
  const { rows } = await sql<{ credits: number | null }>`
    select sum(credits)::bigint as credits from ledger.service_calls where job_call_id = ${jobCallId}`.execute(
    db,
  )
  return rows[0]?.credits ?? 0
}

/** The addresses of its leads, in order, each once. */
export async function listLinkedinUrls(db: Db, jobCallId: string): Promise<string[]> {
  const { rows } = await sql<{ url: string }>`
    select p.linkedin_url as url from public.leadgen_leads l
    join public.leads p on p.source = l.source and p.external_id = l.external_id
    where l.job_call_id = ${jobCallId} and p.linkedin_url is not null
    group by p.linkedin_url order by min(l.position)`.execute(db)
  return rows.map(({ url }) => url)
}
