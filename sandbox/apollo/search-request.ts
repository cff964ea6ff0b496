import { z } from 'zod'
import { lastValue, listValues, type Param, parseQuery } from '../http/php-query.ts'
import type { Ask } from '../upstream.ts'
import { industryTag } from './companies.ts'
import { industries } from './vocabulary.ts'

const list = z.array(z.string()).default([])
const range = z.object({ min: z.coerce.number().optional(), max: z.coerce.number().optional() })
const tags = new Set(industries.map((_, kind) => industryTag(kind)))

const lists = {
  person_titles: list,
  person_locations: list,
  person_seniorities: list,
  person_departments: list,
  organization_locations: list,
  organization_num_employees_ranges: z
    .array(z.string().regex(/^\d*,\d*$/, 'must look like "11,50"'))
    .default([]),
  q_organization_domains_list: z.array(z.string()).max(1000).default([]),
  organization_ids: list,
  contact_email_status: list,
  q_organization_keyword_tags: list,
  organization_industry_tag_ids: z
    .array(z.string().refine((id) => tags.has(id), 'is not the id of a tag'))
    .default([]),
  currently_using_any_of_technology_uids: list,
  currently_using_all_of_technology_uids: list,
  currently_not_using_any_of_technology_uids: list,
  q_organization_job_titles: list,
  organization_job_locations: list,
}
const texts = { q_keywords: z.string().default(''), q_organization_name: z.string().default('') }
const ranges = {
  revenue_range: range.default({}),
  latest_funding_amount_range: range.default({}),
  total_funding_range: range.default({}),
  organization_num_jobs_range: range.default({}),
}

/** Every parameter of upstreams/apollo.md, 2; what is not among them is ignored, as the real one does. */
export const searchSchema = z.object({
  ...lists,
  ...texts,
  ...ranges,
  include_similar_titles: z.union([z.boolean(), z.stringbool()]).default(true),
  page: z.coerce.number().int().min(1).default(1),
  per_page: z.coerce.number().int().min(1).max(100).default(10),
})

export type SearchRequest = z.infer<typeof searchSchema>
export type Range = z.infer<typeof range>

/** The JSON body, and from the query what the body does not say. */
export function givenParameters({ search, body }: Pick<Ask, 'search' | 'body'>): unknown {
  const said: unknown = body.trim() === '' ? {} : JSON.parse(body)
  if (typeof said !== 'object' || said === null || Array.isArray(said)) return said
  return { ...fromQuery(parseQuery(search)), ...said }
}

function fromQuery(params: readonly Param[]): Record<string, unknown> {
  const found: [string, unknown][] = []
  for (const name of Object.keys(lists)) {
    const values = listValues(params, name)
    if (values.length > 0) found.push([name, values])
  }
  for (const name of Object.keys(ranges)) {
    const [min, max] = [lastValue(params, name, 'min'), lastValue(params, name, 'max')]
    if (min !== undefined || max !== undefined) found.push([name, { min, max }])
  }
  for (const name of [...Object.keys(texts), 'include_similar_titles', 'page', 'per_page']) {
    const value = lastValue(params, name)
    if (value !== undefined) found.push([name, value])
  }
  return Object.fromEntries(found)
}
