import { sql } from 'kysely'
import { noteRead, readRecently } from '../db/subject-reads.ts'
import { idSeeds } from '../etl/extract/amocrm/by-id.ts'
import type { crmOperations } from '../etl/extract/amocrm/operations.ts'
import { allPages } from '../etl/extract/amocrm/pages.ts'
import { untilMetSeeds } from '../etl/extract/amocrm/until-met.ts'
import type { Amocrm } from '../etl/extract/amocrm/upstream.ts'
import type { openMet } from './crm-met.ts'
import type { TwoWays } from './crm-two-ways.ts'
import type { openWatermarks } from './crm-watermarks.ts'
import type { Run } from './job.ts'

const service = 'amocrm' as const
/** Linking may not show in a contact's `updated_at` (upstreams/amocrm.md, 6): links are read again this often. */
export const linksMaxAgeMs = 7 * 24 * 3_600_000

export interface CompanyStepTools {
  crm: Amocrm
  ask: ReturnType<typeof crmOperations>
  ways: TwoWays
  met: ReturnType<typeof openMet>
  watermarks: ReturnType<typeof openWatermarks>
}

/** The steps of `crm-contacts` that are about companies. */
export function openCompanySteps(run: Run<object>, tools: CompanyStepTools) {
  const { db } = run
  const { crm, ask, ways, met, watermarks } = tools

  return {
    /** All companies, and which of ours are gone; `links`: what they say of their contacts counts. Their changes are read from here on. */
    async companies({ links }: { links: boolean }) {
      const all = { subject: '', cursor: allPages }
      const operation = watermarks.moving(ask.companyPages(links), 'companies', all.subject)
      await ways.readOne({ operation, seeds: [all] })
      const seeds = idSeeds(await met.missing('companies'))
      if (seeds.length > 0) {
        await ways.read(
          { operation: ask.companiesById(true), seeds },
          { operation: ask.companiesById(false), seeds },
        )
      }
      await met.forget('companies')
    },

    async companiesById(ids: readonly string[]) {
      if (ids.length === 0) return
      await ways.read(
        { operation: ask.companiesById(true), seeds: idSeeds(ids) },
        { operation: ask.companiesUntilMet, seeds: untilMetSeeds(ids) },
      )
      await ways.readOne({ operation: ask.companiesById(false), seeds: [], parallel: 4 })
    },

    /** Contacts that companies name as theirs, from the companies as last fetched. */
    async contactIdsOf(companyIds: readonly string[]): Promise<string[]> {
      const { rows } = await sql<{ id: string }>`
        select distinct contact ->> 'id' as id from raw.records r
        cross join lateral jsonb_array_elements(r.payload -> '_embedded' -> 'contacts') as contact
        where r.source = ${service} and r.entity = 'companies' and r.external_id = any(${companyIds}::text[])
          and jsonb_typeof(r.payload -> '_embedded' -> 'contacts') = 'array'`.execute(db)
      return rows.map(({ id }) => id)
    },

    companiesReadRecently: async (ids: readonly string[], maxAgeMs: number) =>
      new Set((await readRecently(db, service, 'contacts-of-company', ids, maxAgeMs)).keys()),
    noteCompaniesRead: (ids: readonly string[]) =>
      noteRead(db, service, 'contacts-of-company', ids),

    linksAreFresh: async () =>
      (await readRecently(db, service, 'links', [crm.account], linksMaxAgeMs)).size > 0,
    noteLinksRead: () => noteRead(db, service, 'links', [crm.account]),

    /** Whether there are contacts whose own answer does not tell which company they have. */
    async linksAreUntold(): Promise<boolean> {
      const { rows } = await sql<{ untold: boolean }>`
        select exists (
          select from raw.records where source = ${service} and entity = 'contacts'
            and payload -> '_embedded' -> 'companies' is null
        ) as untold`.execute(db)
      return rows[0]?.untold ?? false
    },
  }
}
