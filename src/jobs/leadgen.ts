import { z } from 'zod'
import { Fault } from '../errors.ts'
import { batchSize } from '../etl/extract/apollo/match-people.ts'
import { matchOperation } from '../etl/extract/apollo/operations.ts'
import { filtersAnything, searchFilters } from '../etl/extract/apollo/search-filters.ts'
import { pageSize } from '../etl/extract/apollo/search-people.ts'
import { demoImportParams } from './demo-import.ts'
import { defineJob, type Plan } from './job.ts'
import { writeLeadgenFiles } from './leadgen-files.ts'
import { whyNotKept } from './keepable.ts'
import { openLeadgenSteps } from './leadgen-steps.ts'
import { widen } from './leadgen-widening.ts'

export const leadgenParams = z
  .strictObject({
    search: searchFilters
      .refine(filtersAnything, 'must name a filter: without, it would find everybody')
      .describe("filters by Apollo's own names: person_titles, person_locations, q_keywords, ..."),
    target_leads: z.int().min(1).max(50_000).default(100).describe('how many are wanted'),
    max_runtime_ms: z
      .int()
      .min(1)
      .max(86_400_000)
      .default(45_000)
      .describe('how long to search, over attempts; what was found by then is delivered'),
    minio_payload: demoImportParams
      .optional()
      .describe('written as demo-imports/{id}.json with linkedin_urls added'),
    enrich: z.boolean().default(true).describe('ask for addresses, which costs credits'),
    max_credits: z
      .int()
      .min(0)
      .optional()
      .describe('credits at most; default: target_leads; 0: as enrich false'),
  })
  .superRefine((params, context) => {
    const reason = whyNotKept(params)
    if (reason) context.addIssue({ code: 'custom', message: `cannot be kept: ${reason}` })
  })
  .transform(({ max_credits: given, enrich, ...params }) => {
    const most = given ?? params.target_leads
    return { ...params, enrich: enrich && most > 0, max_credits: most }
  })
export type LeadgenParams = z.output<typeof leadgenParams>

export const leadgenResult = z.object({
  ended_by: z
    .enum(['target', 'exhausted', 'max_runtime', 'max_credits', 'quota'])
    .describe('what ended the search'),
  leads: z.int().describe('how many were found'),
  linkedin_urls: z.array(z.string()).describe('their addresses, as far as known, each once'),
  csv: z.object({ key: z.string() }).nullable(),
  demo_import: z.object({ key: z.string() }).nullable(),
  steps: z.array(
    z.object({
      step: z.enum(['strict', 'medium', 'loose']),
      pages: z.int(),
      found: z.int().describe('people on its pages'),
      new: z.int().describe('leads that no page before had'),
    }),
  ),
})

export const leadgen = defineJob<LeadgenParams>({
  name: 'leadgen',
  title: 'leads from Apollo: searched in ever wider steps, enriched, and written as CSV',
  params: leadgenParams,
  needs: ['APOLLO_BASE_URL', 'APOLLO_API_KEY'],
  uses: ['MINIO_ENDPOINT', 'MINIO_ACCESS_KEY', 'MINIO_SECRET_KEY'],
  // Its leads are those of its own call: another one begins anew.
  cursorMaxAgeMs: 0,
  subject: ({ search }) => Array.from(JSON.stringify(search)).slice(0, 200).join(''),
  plan: (_tools, params) => Promise.resolve(planLeadgen(params)),

  async run(run) {
    if (run.params.minio_payload && !run.files)
      throw new Fault('settings', 'minio_payload: there is no storage to write it to', {
        hint: 'set MINIO_ENDPOINT, MINIO_ACCESS_KEY and MINIO_SECRET_KEY',
      })
    const search = await openLeadgenSteps(run)
    for (const step of search.steps) {
      do await search.enrichFound()
      while (await search.nextPage(step))
    }
    const endedBy = await search.end()

    const { leads, linkedinUrls, steps } = await search.found()
    const { csv, demoImport } = await writeLeadgenFiles(run, { leads, linkedinUrls })
    return {
      ended_by: endedBy,
      leads,
      linkedin_urls: linkedinUrls,
      csv,
      demo_import: demoImport,
      steps,
    } satisfies z.output<typeof leadgenResult>
  },
})

function planLeadgen({
  search,
  target_leads: target,
  enrich,
  max_credits: most,
}: LeadgenParams): Plan {
  const steps = widen(search).map(({ step }) => step)
  const credits = enrich ? Math.min(target, most) : 0
  const pages = Math.ceil(target / pageSize)
  return {
    requests: [
      {
        operation: 'people-search',
        count: 'unknown',
        why: `${pages} at least for ${target} leads, ${pageSize} a page; steps: ${steps.join(', ')}`,
      },
      {
        operation: matchOperation,
        count: Math.ceil(credits / batchSize),
        why: `at most, ${batchSize} leads at a time`,
      },
    ],
    credits,
  }
}
