import { z } from 'zod'
import { Fault } from '../../../errors.ts'
import type { Settings } from '../../../settings.ts'
import type { ExtractTools } from '../../stream.ts'
import type { Pace } from '../../under-way.ts'
import type { HttpClient, Upstream } from '../http-client.ts'

/** A page holds 250 records at most (upstreams/amocrm.md, 2). */
export const pageSize = 250

export interface Amocrm {
  /** Quota, breaker and what is known of the account go by this. */
  account: string
  /** By the last answers and the quota. */
  pace(): Pace
  /** So many streams, each one request after the other, use the quota up at that pace. */
  streamsWanted(): number
  /** Asks for a list; its records, and whether another page follows. 204 is an empty list (upstreams/amocrm.md, 3), and so is a list without records, behind which more may follow. */
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
  /** It says that more follows, or is full: the link to the next page may be missing, or lead to an empty one. */
  hasNext: boolean
  /** Fewer records than the page could hold, by its own address or by what was asked for. */
  short: boolean
}

export const noRecords: List = { records: [], hasNext: false, short: true }

const link = z.looseObject({ href: z.string() }).nullish().catch(null)
const listBody = z.looseObject({
  _links: z.looseObject({ self: link, next: link }).nullish().catch(null),
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
  let latencyMs = 250
  const ask = async (
    path: string,
    query: readonly string[],
    { context }: ExtractTools,
    priority = 5,
  ) => {
    const { meter } = context
    const [begun, waited, retried] = [performance.now(), meter.throttledMs, meter.retries]
    const answer = await http.send(
      upstream,
      { path: `/api/v4/${path}`, query: query.join('&') },
      { ...context, priority },
    )
    // Counters are written and begin anew meanwhile: then nothing can be said.
    const waitedMs = meter.throttledMs - waited
    if (waitedMs >= 0 && meter.retries === retried) {
      const tookMs = Math.max(0, performance.now() - begun - waitedMs)
      latencyMs += (Math.min(tookMs, 30_000) - latencyMs) / 4
    }
    return answer
  }

  return {
    account: upstream.account,
    pace: () => ({ latencyMs, intervalMs: 1000 / upstream.perSecond }),
    // Two more: writing takes time as well, and a stream that ends is not followed at once.
    streamsWanted: () => Math.ceil((upstream.perSecond * latencyMs) / 1000) + 2,
    async list(path, query, tools, priority) {
      const answer = await ask(path, query, tools, priority)
      if (answer.status === 204) return noRecords
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
      const { self, next } = body.data._links ?? {}
      const size = limitOf(self?.href) ?? limitOf(`?${query.join('&')}`) ?? pageSize
      const short = records.length < size
      return { records, hasNext: Boolean(next) || (records.length > 0 && !short), short }
    },
    async get(path, query, tools) {
      const answer = await ask(path, query, tools)
      return answer.status === 204 ? undefined : answer.json()
    },
  }
}

/** How many records the page could hold, by its address: what was asked for may have been cut. */
function limitOf(address: string | undefined): number | undefined {
  const limit = Number(/[?&]limit=(\d{1,5})(?:&|$)/.exec(address ?? '')?.[1])
  return limit > 0 ? limit : undefined
}

/** Several ids of one filter. The brackets stay as they are: encoded, 250 ids would not fit into an address. */
export function idFilter(key: string, ids: readonly string[]): string[] {
  return ids.map((id) => `filter[${key}][]=${id}`)
}
