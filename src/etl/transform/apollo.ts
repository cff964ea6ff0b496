import { z } from 'zod'
import type { Transformed } from '../stream.ts'
import { validated } from './validated.ts'

const id = z.string().trim().min(1).max(100)
const text = z
  .string()
  .max(10_000)
  .nullish()
  .transform((value) => value?.trim() || null)
const flag = z.boolean().nullish().catch(null)
const moment = z
  .string()
  .nullish()
  .transform((value) => {
    const at = new Date(value ?? Number.NaN)
    return Number.isNaN(at.getTime()) ? null : at.toISOString()
  })

/** A person as the search tells it (upstreams/apollo.md, 2). */
const found = z.looseObject({
  id,
  first_name: text,
  last_name_obfuscated: text,
  title: text,
  linkedin_url: text,
  last_refreshed_at: moment,
  has_email: flag,
  // "Yes" or a sentence that starts with "Maybe": never a boolean.
  has_direct_phone: text.catch(null),
  organization: z.looseObject({ name: text }).nullish(),
})

/** A person as enrichment tells it (upstreams/apollo.md, 3). */
const match = z.looseObject({
  id,
  first_name: text,
  last_name: text,
  linkedin_url: text,
  title: text,
  headline: text,
  seniority: text,
  email: text,
  email_status: text,
  city: text,
  state: text,
  country: text,
  organization_id: text,
  organization: z
    .looseObject({
      id: text,
      name: text,
      primary_domain: text,
      linkedin_url: text,
      industry: text,
      estimated_num_employees: z.int().min(0).max(2_147_483_647).nullish().catch(null),
    })
    .nullish(),
})

export interface FoundRow {
  external_id: string
  first_name: string | null
  last_name_masked: string | null
  title: string | null
  linkedin_url: string | null
  organization_name: string | null
  has_email: boolean | null
  has_direct_phone: string | null
  refreshed_at: string | null
}
export interface MatchRow {
  external_id: string
  first_name: string | null
  last_name: string | null
  title: string | null
  headline: string | null
  seniority: string | null
  email: string | null
  email_status: string | null
  linkedin_url: string | null
  city: string | null
  state: string | null
  country: string | null
  organization_external_id: string | null
  organization_name: string | null
  organization_domain: string | null
  organization_linkedin_url: string | null
  organization_industry: string | null
  organization_employees: number | null
}

export function toFound(payload: unknown): Transformed<FoundRow> {
  return validated(found, payload, (person) => ({
    external_id: person.id,
    first_name: person.first_name,
    last_name_masked: person.last_name_obfuscated,
    title: person.title,
    linkedin_url: profileUrl(person.linkedin_url),
    organization_name: person.organization?.name ?? null,
    has_email: person.has_email ?? null,
    has_direct_phone: person.has_direct_phone,
    refreshed_at: person.last_refreshed_at,
  }))
}

export function toMatch(payload: unknown): Transformed<MatchRow> {
  return validated(match, payload, ({ organization, ...person }) => ({
    external_id: person.id,
    first_name: person.first_name,
    last_name: person.last_name,
    title: person.title,
    headline: person.headline,
    seniority: person.seniority,
    email: realAddress(person.email),
    email_status: person.email_status,
    linkedin_url: profileUrl(person.linkedin_url),
    city: person.city,
    state: person.state,
    country: person.country,
    organization_external_id: person.organization_id ?? organization?.id ?? null,
    organization_name: organization?.name ?? null,
    organization_domain: organization?.primary_domain ?? null,
    organization_linkedin_url: organization?.linkedin_url ?? null,
    organization_industry: organization?.industry ?? null,
    organization_employees: organization?.estimated_num_employees ?? null,
  }))
}

/** The id of a person, as text. */
export function apolloId(payload: unknown): string | undefined {
  return z.looseObject({ id }).safeParse(payload).data?.id
}

/**
 * A person's LinkedIn address in one form, `https://www.linkedin.com/in/...`: it comes with http, without www, with a
 * country's host, a query or a slash at the end. Null for what is no person's page. Letters keep their case: ids have both.
 */
export function profileUrl(url: string | null | undefined): string | null {
  const slug = /^\s*(?:https?:)?(?:\/\/)?(?:[a-z]{2,3}\.)?linkedin\.com\/in\/([^/?#\s]+)/i.exec(
    url ?? '',
  )?.[1]
  return slug ? `https://www.linkedin.com/in/${slug}` : null
}

/** Old answers hold a placeholder where the address has not been paid for (upstreams/apollo.md, 3). */
function realAddress(email: string | null): string | null {
  return email?.includes('not_unlocked') ? null : email
}
