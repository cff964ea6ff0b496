import { onTestFinished } from 'vitest'
import { z } from 'zod'
import type { ApolloOptions } from '../../sandbox/apollo/options.ts'
import { startSandbox } from '../../sandbox/server.ts'

const found = z.looseObject({ id: z.string(), first_name: z.string() })
const searchAnswer = z.strictObject({ total_entries: z.number(), people: z.array(found) })
export type Found = z.infer<typeof found>

const enriched = z.looseObject({
  id: z.string(),
  name: z.string(),
  last_name: z.string(),
  title: z.string(),
  city: z.string(),
  country: z.string(),
  linkedin_url: z.string().nullable(),
  email: z.string().nullable(),
  seniority: z.string(),
  organization: z.looseObject({ name: z.string(), estimated_num_employees: z.number() }),
})
const bulkAnswer = z.looseObject({
  matches: z.array(enriched.nullable()),
  credits_consumed: z.number(),
  missing_records: z.number(),
  unique_enriched_records: z.number(),
})

const logLine = z.looseObject({
  n: z.number(),
  path: z.string(),
  detail: z.string(),
  ids: z.number(),
  status: z.number().nullable(),
  ms: z.number().nullable(),
})

/** A JSON object, whatever is in it. */
export async function objectIn(response: Response): Promise<Record<string, unknown>> {
  return z.record(z.string(), z.unknown()).parse(await response.json())
}

/** A small fast directory without limits, unless asked otherwise. Stopped when the test ends. */
export async function withApollo(options: Partial<ApolloOptions> = {}) {
  const free = { searchPerMinute: 1e6, searchPerHour: 1e6, searchPerDay: 1e6 }
  const freeBulk = { bulkPerMinute: 1e6, bulkPerHour: 1e6, bulkPerDay: 1e6 }
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    apollo: { people: 6000, latencyMs: 0, ...free, ...freeBulk, ...options },
  })
  onTestFinished(() => sandbox.close())
  const base = sandbox.baseUrls.apollo

  const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(`${base}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'x-api-key': 'sandbox-key', 'content-type': 'application/json', ...headers },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
  const raw = (filters: object) => post('mixed_people/api_search', filters)
  const search = async (filters: object) => searchAnswer.parse(await (await raw(filters)).json())
  const bulk = async (ids: readonly string[]) => {
    const details = ids.map((id) => ({ id }))
    return bulkAnswer.parse(await (await post('people/bulk_match', { details })).json())
  }
  const admin = (method: string, path: string, body?: unknown) =>
    fetch(`${sandbox.url}/_sandbox${path}`, { method, body: JSON.stringify(body ?? null) })
  const log = async () => {
    const text = await (await fetch(`${sandbox.url}/_sandbox/log`)).text()
    return text.split('\n').flatMap((line) => (line ? [logLine.parse(JSON.parse(line))] : []))
  }
  return {
    sandbox,
    base,
    post,
    raw,
    search,
    bulk,
    admin,
    log,
    /** Every page of a search, in order. */
    searchAll: async (filters: object): Promise<Found[]> => {
      const all: Found[] = []
      for (let page = 1; ; page++) {
        const { people } = await search({ ...filters, page, per_page: 100 })
        if (people.length === 0) return all
        all.push(...people)
      }
    },
    /** Everybody's details, ten at a time. */
    enrichAll: async (people: readonly Found[]) => {
      const all: z.infer<typeof enriched>[] = []
      for (let start = 0; start < people.length; start += 10) {
        const { matches } = await bulk(people.slice(start, start + 10).map(({ id }) => id))
        all.push(...matches.filter((match) => match !== null))
      }
      return all
    },
  }
}
