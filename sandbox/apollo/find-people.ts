import { companyCount, companyOf, type Company, companyFigure } from './companies.ts'
import type { DirectoryOptions } from './options.ts'
import { traitsOf } from './people.ts'
import type { Range, SearchRequest } from './search-request.ts'
import { isSimilarTitle, isTitle } from './titles-match.ts'
import { emailStatuses, firstNames, lastNames, type Place, places, titles } from './vocabulary.ts'

/** The numbers of all people that a search means, in the order of the index. */
export function findPeople(options: DirectoryOptions, search: SearchRequest): Uint32Array {
  // What a filter says is worked out once for each word of the vocabulary and each company, so that a
  // look at each of the people is a look at a few lists.
  const isTitleMeant = search.include_similar_titles ? isSimilarTitle : isTitle
  const titleFits = titles.map(
    ({ title, seniority, department }) =>
      someOrNone(search.person_titles, (asked) => isTitleMeant(title, asked)) &&
      someOrNone(search.person_seniorities, (asked) => asked === seniority) &&
      someOrNone(search.person_departments, (asked) => asked.toLowerCase() === department),
  )
  const placeFits = places.map((place) =>
    someOrNone(search.person_locations, (asked) => isPlace(place, asked)),
  )
  const emailFits = emailStatuses.map((status) =>
    someOrNone(search.contact_email_status, (asked) => asked === status),
  )
  const companies = Array.from({ length: companyCount(options.people) }, (_, n) =>
    companyOf(options, n),
  )
  const companyFits = companies.map((company) => isCompany(company, search))
  const keywords = words(search.q_keywords).map((word) => ({
    first: firstNames.map((name) => name.toLowerCase().includes(word)),
    last: lastNames.map((name) => name.toLowerCase().includes(word)),
    company: companies.map(({ name }) => name.toLowerCase().includes(word)),
  }))

  const found = new Uint32Array(options.people)
  let count = 0
  for (let index = 0; index < options.people; index++) {
    const { title, place, company, emailStatus, first, last } = traitsOf(options, index)
    if (!titleFits[title] || !placeFits[place] || !companyFits[company]) continue
    if (!emailFits[emailStatus]) continue
    // All of the words, each in a name of theirs or of the company's (upstreams/apollo.md, 2).
    if (!keywords.every((one) => one.first[first] || one.last[last] || one.company[company]))
      continue
    found[count++] = index
  }
  return found.slice(0, count)
}

function isCompany(company: Company, search: SearchRequest): boolean {
  const figure = (name: string, below: number) => companyFigure(company, name, below)
  const uses = (uid: string) => figure(`uses ${uid.toLowerCase()}`, 4) === 0
  const all = search.currently_using_all_of_technology_uids
  return (
    someOrNone(search.organization_locations, (asked) => isPlace(company.place, asked)) &&
    someOrNone(search.organization_num_employees_ranges, (asked) => {
      const [min = '', max = ''] = asked.split(',')
      return isWithin(company.employees, {
        ...(min !== '' && { min: Number(min) }),
        ...(max !== '' && { max: Number(max) }),
      })
    }) &&
    someOrNone(
      search.q_organization_domains_list,
      (asked) => asked.toLowerCase() === company.domain,
    ) &&
    someOrNone(search.organization_ids, (asked) => asked === company.id) &&
    someOrNone(search.q_organization_keyword_tags, (asked) =>
      `${company.name} ${company.industry}`.toLowerCase().includes(asked.toLowerCase()),
    ) &&
    someOrNone(search.organization_industry_tag_ids, (asked) => asked === company.industryTag) &&
    company.name.toLowerCase().includes(search.q_organization_name.toLowerCase()) &&
    someOrNone(search.currently_using_any_of_technology_uids, uses) &&
    all.every(uses) &&
    !search.currently_not_using_any_of_technology_uids.some(uses) &&
    someOrNone(search.q_organization_job_titles, (asked) => figure(`hires ${asked}`, 5) === 0) &&
    someOrNone(
      search.organization_job_locations,
      (asked) => figure(`hires in ${asked}`, 5) === 0,
    ) &&
    isWithin(company.revenue, search.revenue_range) &&
    isWithin(figure('latest funding', 50_000_000), search.latest_funding_amount_range) &&
    isWithin(figure('total funding', 200_000_000), search.total_funding_range) &&
    isWithin(figure('jobs', 40), search.organization_num_jobs_range)
  )
}

/** "Berlin", "California", "Germany" and "Berlin, Germany" all mean a place. */
function isPlace(place: Place, asked: string): boolean {
  const names = place.map((name) => name?.toLowerCase())
  return asked
    .toLowerCase()
    .split(',')
    .every((part) => names.includes(part.trim()))
}

/** An empty list is no filter. */
function someOrNone(list: readonly string[], fits: (asked: string) => boolean): boolean {
  return list.length === 0 || list.some(fits)
}

function isWithin(value: number, { min, max }: Range): boolean {
  return (min === undefined || value >= min) && (max === undefined || value <= max)
}

const words = (text: string) => text.toLowerCase().split(/\s+/).filter(Boolean)
