import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import type { Settings } from '../../../settings.ts'
import type { ExtractTools } from '../../stream.ts'
import type { HttpClient, Upstream } from '../http-client.ts'

/** A page holds 250 records at most (upstreams/amocrm.md, 2). */
export const pageSize = 250

export interface Amocrm {
  /** Quota, breaker and what is known of the account go by this. */
  account: string
  /** Asks for a list; its records, and whether another page follows. 204 is an empty list (upstreams/amocrm.md, 3). */
  list(
    path: string,
    query: readonly string[],
    tools: ExtractTools,
    priority?: number,
  ): Promise<List>
  /** Asks for one object; undefined where there is none. */
  get(path: string, query: readonly string[], tools: ExtractTools): Promise<unknown>
}

export interface List {
  records: unknown[]
  hasNext: boolean
}

const listBody = z.looseObject({
  _links: z.looseObject({ next: z.looseObject({ href: z.string() }).nullish() }).nullish(),
  _embedded: z.record(z.string(), z.unknown()),
})

/** The account that the settings name. Call only where they name one. */
export function openAmocrm(http: HttpClient, settings: Settings): Amocrm {
  const baseUrl = settings.AMOCRM_BASE_URL ?? ''
  const upstream: Upstream = {
    service: 'amocrm',
    account: new URL(baseUrl).host,
    baseUrl,
    headers: {
      authorization: `Bearer ${settings.AMOCRM_ACCESS_TOKEN}`,
      accept: 'application/hal+json',
    },
    perSecond: settings.AMOCRM_REQUESTS_PER_SECOND,
    settings: { baseUrl: 'AMOCRM_BASE_URL', secret: 'AMOCRM_ACCESS_TOKEN' },
  }
  const ask = async (
    path: string,
    query: readonly string[],
    { context }: ExtractTools,
    priority = 5,
  ) =>
    await http.send(
      upstream,
      { path: `/api/v4/${path}`, query: query.join('&') },
      { ...context, priority },
    )

  return {
    account: upstream.account,
    async list(path, query, tools, priority) {
      const answer = await ask(path, query, tools, priority)
      if (answer.status === 204) return { records: [], hasNext: false }
      const body = listBody.safeParse(answer.json())
      const name = path.split('/').at(-1) ?? ''
      const records = body.success ? body.data._embedded[name] : undefined
      if (!body.success || !Array.isArray(records)) {
        throw new Fault(
          'bad_answer',
          `GET /api/v4/${path}: a list of ${name} was due, not "${answer.quote()}"`,
          { service: 'amocrm' },
        )
      }
      return { records, hasNext: Boolean(body.data._links?.next) }
    },
    async get(path, query, tools) {
      const answer = await ask(path, query, tools)
      return answer.status === 204 ? undefined : answer.json()
    },
  }
}

/** Several ids of one filter. The brackets stay as they are: encoded, 250 ids would not fit into an address. */
export function idFilter(key: string, ids: readonly string[]): string[] {
  return ids.map((id) => `filter[${key}][]=${id}`)
}
