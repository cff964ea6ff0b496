import { dice } from './dice.ts'
import type { ApolloSettings, DirectoryOptions } from './options.ts'
import type { Person } from './people.ts'

const DAY_MS = 86_400_000
// A fixed day, so that the same seed tells the same tomorrow.
const REFRESHED_UNTIL = Date.UTC(2026, 9, 31)

/** A person as the search tells it (upstreams/apollo.md, 2): flags for what enrichment would give. */
export function foundPerson(
  { seed }: DirectoryOptions,
  { searchGivesLinkedin }: Pick<ApolloSettings, 'searchGivesLinkedin'>,
  person: Person,
) {
  const { index, company } = person
  const roll = (purpose: number, below: number) => dice(seed, index, purpose) % below
  const flag = (purpose: number) => roll(purpose, 4) > 0
  // The documented key stands there for some without a value, and for some not at all.
  const phone = ['Yes', 'Maybe: please request direct dial via people/bulk_match', null, undefined]
  return {
    id: person.id,
    first_name: person.firstName,
    last_name_obfuscated: masked(person.lastName),
    title: roll(40, 50) === 0 ? null : person.title.title,
    last_refreshed_at: new Date(REFRESHED_UNTIL - roll(41, 700) * DAY_MS).toISOString(),
    has_email: person.email !== null,
    has_city: flag(42),
    has_state: person.place[1] !== null,
    has_country: flag(43),
    has_direct_phone: phone[roll(44, 4)],
    ...(roll(45, 40) > 0 && {
      organization: {
        name: company.name,
        has_industry: flag(46),
        has_phone: flag(47),
        has_city: flag(48),
        has_state: company.place[1] !== null,
        has_country: flag(49),
        has_zip_code: flag(50),
        has_revenue: flag(51),
        has_employee_count: flag(52),
      },
    }),
    ...(searchGivesLinkedin && { linkedin_url: person.linkedinUrl }),
  }
}

/** A person as enrichment tells it (upstreams/apollo.md, 3). */
export function enrichedPerson(person: Person) {
  const { company, place } = person
  const [city, state, country] = place
  return {
    id: person.id,
    first_name: person.firstName,
    last_name: person.lastName,
    name: `${person.firstName} ${person.lastName}`,
    linkedin_url: person.linkedinUrl,
    title: person.title.title,
    headline: `${person.title.title} at ${company.name}`,
    email: person.email,
    email_status: person.emailStatus,
    photo_url: null,
    twitter_url: null,
    city,
    state,
    country,
    organization_id: company.id,
    employment_history: [
      {
        id: `6e${person.id.slice(2)}`,
        current: true,
        organization_id: company.id,
        organization_name: company.name,
        title: person.title.title,
        start_date: '2021-03-01',
        end_date: null,
      },
    ],
    organization: {
      id: company.id,
      name: company.name,
      website_url: `http://www.${company.domain}`,
      primary_domain: company.domain,
      linkedin_url: `http://www.linkedin.com/company/${company.domain.split('.')[0]}`,
      industry: company.industry,
      estimated_num_employees: company.employees,
      founded_year: 1950 + (company.index % 75),
      phone: null,
    },
    seniority: person.title.seniority,
    departments: [person.title.department],
    functions: [person.title.department],
    revealed_for_current_team: true,
  }
}

function masked(lastName: string): string {
  const letters = Array.from(lastName)
  return `${letters.slice(0, 2).join('')}***${letters.at(-1)}`
}
