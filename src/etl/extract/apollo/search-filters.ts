import { z } from 'zod'

const words = z.array(z.string().trim().min(1).max(500)).max(1000)
const range = z.strictObject({ min: z.number().optional(), max: z.number().optional() })
const word = z.string().trim().min(1).max(1000)

/**
 * Apollo's own filters by Apollo's own names (upstreams/apollo.md, 2). A name that is not among them is refused: Apollo
 * would ignore it in silence, and find everybody.
 */
export const searchFilters = z
  .strictObject({
    person_titles: words,
    include_similar_titles: z.boolean(),
    q_keywords: word,
    person_locations: words,
    person_seniorities: words,
    person_departments: words,
    organization_locations: words,
    organization_num_employees_ranges: z.array(
      z.string().regex(/^\d*,\d*$/, 'must look like "11,50"'),
    ),
    organization_ids: words,
    organization_industry_tag_ids: words,
    q_organization_name: word,
    q_organization_domains_list: words,
    q_organization_keyword_tags: words,
    q_organization_job_titles: words,
    organization_job_locations: words,
    contact_email_status: words,
    currently_using_any_of_technology_uids: words,
    currently_using_all_of_technology_uids: words,
    currently_not_using_any_of_technology_uids: words,
    revenue_range: range,
    latest_funding_amount_range: range,
    total_funding_range: range,
    organization_num_jobs_range: range,
    organization_job_posted_at_range: z.strictObject({
      min: z.string().optional(),
      max: z.string().optional(),
    }),
  })
  .partial()
export type SearchFilters = z.output<typeof searchFilters>

/** Whether anything is left that tells people apart: without, a search would find everybody. */
export function filtersAnything({
  include_similar_titles: _similar,
  ...filters
}: SearchFilters): boolean {
  return Object.values(filters).some((value) => Object.keys(value ?? {}).length > 0)
}
