import { replacedAnswer } from '../faults/replaced-answer.ts'
import { spoilAnswer } from '../faults/spoil-answer.ts'
import type { Fault } from '../faults/fault-schema.ts'
import { type Answer, PROBLEM } from '../http/answer.ts'
import { parseQuery } from '../http/php-query.ts'
import { between, seededRandom } from '../random.ts'
import { readableQuery } from '../request-log.ts'
import type { Ask, Upstream } from '../upstream.ts'
import { apolloAdmin } from './admin.ts'
import { bodyDetail, idsIn } from './body-detail.ts'
import { enrichAnswer } from './enrich.ts'
import { inaccessible, refusal, tooMany, unauthorized } from './errors.ts'
import { type ApolloOptions, defaultOptions } from './options.ts'
import { type ApolloParts, createParts, newWindows, settingsOf, shownSettings } from './parts.ts'
import { searchAnswer } from './search.ts'

const SEARCH = '/api/v1/mixed_people/api_search'
const BULK = '/api/v1/people/bulk_match'

/** The simulated Apollo, on its real paths below `/apollo`: upstreams/apollo.md. */
export function createApollo(given: Partial<ApolloOptions> = {}): Upstream {
  const parts = createParts({ ...defaultOptions, ...given })
  return {
    name: 'apollo',
    prefix: '/apollo',
    serves: 'Apollo: people search and bulk enrichment (/apollo/api/v1)',
    answer: (ask) => answerAsk(parts, ask),
    idsAsked: (_search, body) => idsIn(body),
    detail: bodyDetail,
    loggedSearch: (search) => search.replace(/(api_key=)[^&]*/gi, '$1[hidden]'),
    admin: apolloAdmin(parts),
    settings: () => shownSettings(parts),
    reset(part) {
      if (part === 'world') {
        parts.searches.clear()
        parts.account = { creditsSpent: 0 }
      }
      if (part === 'settings') {
        parts.settings = settingsOf(parts.options)
        parts.windows = newWindows()
      }
      if (part === 'faults') parts.faults.clear()
    },
  }
}

/** From the outside in: faults that replace the answer, key, plan, windows, endpoint. A fault uses up no quota. */
function answerAsk(parts: ApolloParts, ask: Ask): Answer {
  const address = `${ask.path}?${readableQuery(ask.search)} ${bodyDetail(ask.body)}`
  const taken = parts.faults.take(address)
  const replacement = taken.map(replacedAnswer).find((answer) => answer !== undefined)
  const answer = replacement === undefined ? ownAnswer(parts, ask, taken) : asPlainJson(replacement)
  return taken.reduce(spoilAnswer, { ...answer, delayMs: latencyMs(parts) })
}

function ownAnswer(parts: ApolloParts, ask: Ask, taken: readonly Fault[]): Answer {
  const { settings, windows } = parts
  const key = String(ask.headers['x-api-key'] ?? '')
  if (hasKeyElsewhere(ask)) return refusal(422, 'pass the key in the X-Api-Key header')
  if (key !== settings.key && !settings.scopedKeys.includes(key)) return unauthorized(settings)
  if (ask.path !== SEARCH && ask.path !== BULK) return refusal(404, `no such endpoint: ${ask.path}`)
  if (key !== settings.key) return inaccessible(ask.path)
  if (ask.method !== 'POST') return refusal(405, `${ask.method} is not allowed here`)

  const isSearch = ask.path === SEARCH
  const own = isSearch ? windows.search : windows.bulk
  const limits = isSearch
    ? { minute: settings.searchPerMinute, hour: settings.searchPerHour, day: settings.searchPerDay }
    : { minute: settings.bulkPerMinute, hour: settings.bulkPerHour, day: settings.bulkPerDay }
  const verdict = own.admit(performance.timeOrigin + ask.arrivedMs, limits, settings)
  if (verdict !== 'in') {
    const { full, leftMs } = verdict
    const headers = {
      ...(settings.headersOn429 && own.headers(limits, settings)),
      ...(settings.retryAfter && { 'retry-after': String(Math.ceil(leftMs / 1000)) }),
    }
    return { ...tooMany(ask.path, limits[full], full), headers }
  }
  const kinds = new Set(taken.map(({ kind }) => kind))
  const quirks = { ignoreFilter: kinds.has('ignoreFilter'), repeatPage: kinds.has('repeatPage') }
  const answer = answered(() =>
    isSearch ? searchAnswer(parts, ask, quirks) : enrichAnswer(parts, ask),
  )
  return answer.status === 200 ? { ...answer, headers: own.headers(limits, settings) } : answer
}

function answered(work: () => Answer): Answer {
  try {
    return work()
  } catch (error) {
    if (error instanceof SyntaxError) return refusal(422, 'the body is not JSON')
    throw error
  }
}

/** A key in the query or in the body is refused, even where one stands in the header too. */
function hasKeyElsewhere({ search, body }: Ask): boolean {
  return parseQuery(search).some(({ keys }) => keys[0] === 'api_key') || /"api_key"\s*:/.test(body)
}

/** This upstream knows no problem+json. */
function asPlainJson(answer: Answer): Answer {
  return answer.contentType === PROBLEM ? { ...answer, contentType: 'application/json' } : answer
}

function latencyMs({ settings, visits }: ApolloParts): number {
  const { latencyMs: from, latencyMaxMs: to } = settings
  if (to === null || to <= from) return from
  return between(seededRandom(visits.latencies++), from, to)
}
