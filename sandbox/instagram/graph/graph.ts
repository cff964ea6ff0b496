import { type Answer, json } from '../../http/answer.ts'
import { readableQuery } from '../../request-log.ts'
import type { Ask, Upstream } from '../../upstream.ts'
import type { InstagramFault } from '../faults.ts'
import { graphUserId } from '../ids.ts'
import type { GraphToken } from '../options.ts'
import { clockOf, type InstagramParts } from '../parts.ts'
import { replacedAnswer, spoilAnswer } from '../spoil.ts'
import { accountCharged, visitEndpoint } from './endpoints.ts'
import { GraphRefusal, graphError } from './errors.ts'
import { withoutTokens } from './logged-search.ts'
import type { Visit } from './visit.ts'

const PREFIX = '/graph'

/** Route A, the official Graph API: upstreams/instagram.md, A1 to A4. */
export function createGraph(
  parts: InstagramParts,
): Pick<Upstream, 'prefix' | 'serves' | 'answer' | 'loggedSearch'> {
  return {
    prefix: PREFIX,
    serves: 'Instagram, official API: discovery, own media, comments, insights (/graph/v25.0)',
    answer: (ask) => answerAsk(parts, ask),
    loggedSearch: withoutTokens,
  }
}

/** From the outside in: token, limits, faults, node or edge. */
function answerAsk(parts: InstagramParts, ask: Ask): Answer {
  const { settings, faults, usage, world } = parts
  const visit = visitOf(parts, ask)
  if (visit.problem !== undefined) return visit.problem
  const account = accountCharged(visit.path, visit)
  const charged =
    account === null
      ? ({ limit: 'app' } as const)
      : ({ limit: 'account', id: graphUserId(world.options.seed, account) } as const)
  const { admitted, headers } = usage.admit(charged, ask.arrivedMs, settings)
  if (!admitted) return { ...graphError({ code: account === null ? 4 : 80_002 }), headers }

  const address = `${PREFIX}${ask.path}?${readableQuery(withoutTokens(ask.search))}`
  const taken = faults.take(address)
  const own = replacement(taken, visit.params) ?? visited(visit.path, { ...visit, taken })
  const late = { ...own, headers, delayMs: settings.latencyMs }
  const answer = taken.reduce(spoilAnswer, late)
  if (answer.status === 200) parts.scripts.afterRequest(address, world, clockOf(parts))
  return answer
}

type Opened = Visit & { path: string; problem: Answer | undefined }

function visitOf(parts: InstagramParts, ask: Ask): Opened {
  const params = new URLSearchParams(ask.search)
  const bearer = /^Bearer (.+)$/i.exec(ask.headers.authorization ?? '')?.[1]
  const token = params.get('access_token') ?? bearer
  const known = parts.settings.graphTokens.find((one) => one.token === token)
  const version = /^\/v\d+\.\d+(?=\/)/.exec(ask.path)?.[0] ?? ''
  return {
    world: parts.world,
    settings: parts.settings,
    token: known ?? { token: '', owns: [], state: 'invalid' },
    params,
    now: clockOf(parts),
    sign: parts.addresses.sign(parts.settings.addressSeconds),
    versionUrl: `${ask.baseUrl}${version}`,
    taken: [],
    path: ask.path.slice(version.length).replace(/\/$/, ''),
    problem:
      known === undefined || ask.method !== 'GET' ? refused(ask, token) : stateProblem(known),
  }
}

function refused({ method }: Ask, token: string | undefined): Answer {
  if (method !== 'GET') return graphError({ code: 100, message: `(#100) Unsupported ${method}` })
  const message =
    token === undefined
      ? 'An access token is required to request this resource.'
      : 'Invalid OAuth access token - Cannot parse access token'
  return graphError({ code: 190, message })
}

const subcodes = { removed: 458, passwordChanged: 460, expired: 463, invalid: 467 } as const

function stateProblem({ state }: GraphToken): Answer | undefined {
  return state === 'valid' ? undefined : graphError({ code: 190, subcode: subcodes[state] })
}

function visited(path: string, visit: Visit): Answer {
  try {
    const body = visitEndpoint(path, visit)
    const rows = 'data' in body && Array.isArray(body.data) ? body.data.length : 1
    return { ...json(200, body), rows }
  } catch (error) {
    if (error instanceof GraphRefusal) return graphError(error.problem)
    throw error
  }
}

function replacement(
  taken: readonly InstagramFault[],
  params: URLSearchParams,
): Answer | undefined {
  for (const fault of taken) {
    const answer = replacedAnswer(fault) ?? ownReplacement(fault, params)
    if (answer !== undefined) return answer
  }
  return undefined
}

function ownReplacement(fault: InstagramFault, params: URLSearchParams): Answer | undefined {
  const { kind } = fault
  if (kind === 'graphError') return graphError({ code: fault.code, subcode: fault.subcode })
  if (kind === 'status') {
    return { ...graphError({ code: fault.status >= 500 ? 2 : 1 }), status: fault.status }
  }
  if (kind === 'fail') return graphError({ code: 2 })
  if (kind === 'goneMedia') return graphError({ code: 100, subcode: 33 })
  const hasCursor = params.has('after') || params.get('fields')?.includes('.after(') === true
  if (kind !== 'cursorRefused' || !hasCursor) return undefined
  return graphError({ code: 100, message: '(#100) Invalid cursor' })
}
