import type { Settings } from '../../../settings.ts'
import type { Answer } from '../answer.ts'
import type { HttpClient, Request, RequestContext, Upstream } from '../http-client.ts'
import type { Window } from '../quota-windows.ts'
import type { Refusal } from '../verdict.ts'
import { readRefusal, readUse } from './rate-limits.ts'

export const searchPath = '/api/v1/mixed_people/api_search'
export const matchPath = '/api/v1/people/bulk_match'

export interface Apollo {
  /** Quota, breaker and credits go by this. */
  account: string
  /** `POST`s to one of the two endpoints. @throws what `HttpClient.send` does. */
  ask(
    path: typeof searchPath | typeof matchPath,
    request: Pick<Request, 'body' | 'idempotent' | 'beforeAgain'>,
    context: RequestContext,
  ): Promise<Answer>
}

/** The account that the settings name. Call only where they name one. */
export function openApollo(http: HttpClient, settings: Settings): Apollo {
  const baseUrl = settings.APOLLO_BASE_URL ?? ''
  const upstream: Upstream = {
    service: 'apollo',
    account: new URL(baseUrl).host,
    baseUrl,
    headers: { 'x-api-key': settings.APOLLO_API_KEY ?? '' },
    // Nothing is documented about seconds: this only bounds how many of a process's requests are under way.
    perSecond: 5,
    settings: { baseUrl: 'APOLLO_BASE_URL', secret: 'APOLLO_API_KEY' },
    judge,
  }
  const windows = windowsOf(settings)
  return {
    account: upstream.account,
    ask: (path, request, context) => {
      // Each endpoint is counted by itself (upstreams/apollo.md, 4).
      const counted = { endpoint: path, windows, readUse, readRefusal }
      return http.send(
        { ...upstream, windows: counted },
        { ...request, method: 'POST', path },
        context,
      )
    },
  }
}

/** Sizes depend on the plan; 200 a minute and 600 an hour were seen (upstreams/apollo.md, 4), the first answer says more. */
function windowsOf(settings: Settings): Window[] {
  return [
    { name: 'minute', ms: 60_000, max: settings.APOLLO_REQUESTS_PER_MINUTE, fallback: 200 },
    { name: 'hour', ms: 3_600_000, max: settings.APOLLO_REQUESTS_PER_HOUR, fallback: 600 },
    { name: 'day', ms: 86_400_000, max: settings.APOLLO_REQUESTS_PER_DAY },
  ]
}

/** 403 is about the key or the plan, never about the account as a whole (upstreams/apollo.md, 1 and 5). */
function judge({ status }: Answer): Refusal | undefined {
  if (status !== 403) return undefined
  const hint = 'people search needs a master key (APOLLO_API_KEY) and a plan that includes the API'
  return { kind: 'forbidden', hint }
}
