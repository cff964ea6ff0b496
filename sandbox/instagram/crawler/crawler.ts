import { type Answer, json } from '../../http/answer.ts'
import { readableQuery } from '../../request-log.ts'
import type { Ask, Upstream } from '../../upstream.ts'
import type { InstagramFault } from '../faults.ts'
import { clockOf, type InstagramParts } from '../parts.ts'
import { idTeller } from '../raw-number.ts'
import { replacedAnswer, spoilAnswer } from '../spoil.ts'
import { costOf, visitEndpoint } from './endpoints.ts'
import { errorAnswer, usualError } from './refusal.ts'

const PREFIX = '/instagram'

/** Route B, the crawler API (HikerAPI): upstreams/instagram.md, B1 to B3. */
export function createCrawler(
  parts: InstagramParts,
): Pick<Upstream, 'prefix' | 'serves' | 'answer'> {
  return {
    prefix: PREFIX,
    serves: 'Instagram, crawler API: users, media, comments, people, stories (/instagram/v1, /v2)',
    answer: (ask) => answerAsk(parts, ask),
  }
}

/** From the outside in: key, requests a second, balance, faults, endpoint; then the charge. */
function answerAsk(parts: InstagramParts, ask: Ask): Answer {
  const { settings, faults, second } = parts
  const params = new URLSearchParams(ask.search)
  if (ask.headers['x-access-key'] !== settings.accessKey) return usualError(401)
  if (ask.method !== 'GET') return json(405, { detail: 'Method Not Allowed' })
  if (second.count(ask.arrivedMs) >= settings.perSecond) return usualError(429)
  second.add(ask.arrivedMs)
  if (ask.path === '/sys/balance') return balanceAnswer(parts)
  const cost = costOf(ask.path, params)
  if (settings.balance < cost) return usualError(402)

  const address = `${PREFIX}${ask.path}?${readableQuery(ask.search)}`
  const taken = faults.take(address)
  const own = replacement(taken, ask.path, params) ?? visited(parts, ask.path, params, taken)
  const answer = taken.reduce(spoilAnswer, { ...own, delayMs: settings.latencyMs })
  if (answer.status === 200) parts.scripts.afterRequest(address, parts.world, clockOf(parts))
  return charged(parts, answer, cost)
}

function visited(
  { world, settings, addresses }: InstagramParts,
  path: string,
  params: URLSearchParams,
  taken: readonly InstagramFault[],
): Answer {
  const now = clockOf({ world, settings })
  const tell = idTeller(settings.ids)
  const sign = addresses.sign(settings.addressSeconds)
  return visitEndpoint(path, { world, settings, params, now, sign, tell, taken })
}

function replacement(
  taken: readonly InstagramFault[],
  path: string,
  params: URLSearchParams,
): Answer | undefined {
  for (const fault of taken) {
    const answer = replacedAnswer(fault) ?? ownReplacement(fault, path, params)
    if (answer !== undefined) return answer
  }
  return undefined
}

const cursorNames = ['end_cursor', 'page_id', 'max_id', 'min_id'] as const

function ownReplacement(
  fault: InstagramFault,
  path: string,
  params: URLSearchParams,
): Answer | undefined {
  const { kind } = fault
  if (kind === 'status') return usualError(fault.status)
  if (kind === 'goneMedia') return errorAnswer(404, 'MediaNotFound', 'Media not found')
  if (kind === 'cursorRefused' && cursorNames.some((name) => params.has(name))) {
    return errorAnswer(400, 'BadRequest', 'Invalid cursor')
  }
  if (kind !== 'fail') return undefined
  const failed = { status: 'fail', message: 'Please wait a few minutes before you try again.' }
  const hasEnvelope = path.startsWith('/v2/') && !/likers|replies|stories|by\/username/.test(path)
  return json(200, hasEnvelope ? { response: failed, next_page_id: null } : failed)
}

/** What came back with data or a fault of the asker is charged (B3). */
const chargedStatuses: ReadonlySet<number> = new Set([200, 400, 403, 404])

function charged({ settings }: InstagramParts, answer: Answer, cost: number): Answer {
  if (!chargedStatuses.has(answer.status)) return answer
  settings.balance -= cost
  return { ...answer, headers: { ...answer.headers, 'x-hiker-info': `reqs=${cost}` } }
}

function balanceAnswer({ settings }: InstagramParts): Answer {
  const { balance, perSecond, latencyMs } = settings
  const amount = Math.round(balance * 0.06) / 100
  const answer = json(200, { requests: balance, rate: perSecond, currency: 'USD', amount })
  return { ...answer, delayMs: latencyMs }
}
