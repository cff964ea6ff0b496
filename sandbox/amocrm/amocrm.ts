import { randomUUID } from 'node:crypto'
import type { Fault } from '../faults/fault-schema.ts'
import { replacedAnswer } from '../faults/replaced-answer.ts'
import { spoilAnswer } from '../faults/spoil-answer.ts'
import type { Answer } from '../http/answer.ts'
import { parseQuery } from '../http/php-query.ts'
import { nginxPage, problem } from '../http/problem.ts'
import { readableQuery } from '../request-log.ts'
import type { Ask, Upstream } from '../upstream.ts'
import { amocrmAdmin } from './admin.ts'
import { visitEndpoint } from './endpoints.ts'
import { createGate } from './gate.ts'
import { generateWorld } from './generate-world.ts'
import { type AmocrmOptions, defaultOptions } from './options.ts'
import { type AmocrmParts, clockOf, createParts, settingsOf, shownSettings } from './parts.ts'

/** The simulated amoCRM, on its real paths below `/amocrm`: upstreams/amocrm.md. */
export function createAmocrm(given: Partial<AmocrmOptions> = {}): Upstream {
  const parts = createParts({ ...defaultOptions, ...given })
  return {
    name: 'amocrm',
    prefix: '/amocrm',
    serves: 'amoCRM: account, contacts, companies, links, notes (/amocrm/api/v4)',
    answer: (ask) => withRequestId(answerAsk(parts, ask)),
    idsAsked: (search) =>
      parseQuery(search).filter(
        ({ keys }) => keys[0] === 'filter' && (keys[1] === 'id' || keys[1] === 'entity_id'),
      ).length,
    admin: amocrmAdmin(parts),
    settings: () => shownSettings(parts),
    reset(part) {
      if (part === 'world') {
        parts.world = generateWorld(parts.options)
        parts.scripts.clear()
      }
      if (part === 'settings') {
        parts.settings = settingsOf(parts.options)
        parts.gate = createGate()
      }
      if (part === 'faults') parts.faults.clear()
    },
  }
}

/** From the outside in: web server, limits, faults that replace the answer, token, endpoint. */
function answerAsk(parts: AmocrmParts, ask: Ask): Answer {
  const { settings, faults, gate } = parts
  if (ask.urlBytes > settings.maxUrlBytes) return nginxPage(414)
  const integration = integrationOf(parts, ask)
  const verdict = gate.judge(integration, ask.arrivedMs, settings)
  if (verdict === 'too many') return nginxPage(429)
  if (verdict === 'blocked') return nginxPage(403)

  const address = `${ask.path}?${readableQuery(ask.search)}`
  const taken = faults.take(address)
  const answer = replacement(taken) ?? ownAnswer(parts, ask, integration, taken)
  if (answer.status === 200 || answer.status === 204) {
    parts.scripts.afterRequest(address, parts.world, clockOf(parts))
  }
  const late = { ...answer, delayMs: settings.latencyMs }
  return taken.reduce(spoilAnswer, late)
}

function replacement(taken: readonly Fault[]): Answer | undefined {
  return taken.map(replacedAnswer).find((answer) => answer !== undefined)
}

function ownAnswer(
  { world, settings }: AmocrmParts,
  ask: Ask,
  integration: string,
  taken: readonly Fault[],
): Answer {
  if (integration === '') return problem(401, 'The access token is missing, wrong or expired')
  const quirks = new Set(taken.map((fault) => fault.kind))
  return visitEndpoint({ ask, world, settings, quirks })
}

/** The accepted token that came, or ''. */
function integrationOf({ settings }: AmocrmParts, ask: Ask): string {
  const token = /^Bearer (.+)$/.exec(ask.headers.authorization ?? '')?.[1] ?? ''
  return [settings.token, ...settings.moreTokens].includes(token) ? token : ''
}

function withRequestId(answer: Answer): Answer {
  return { ...answer, headers: { 'x-request-id': randomUUID(), ...answer.headers } }
}
