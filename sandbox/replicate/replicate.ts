import type { FetchMedia } from '../analysis/media-fetcher.ts'
import { replacedAnswer, spoilAnswer } from '../analysis/spoil.ts'
import type { Answer } from '../http/answer.ts'
import { readableQuery } from '../request-log.ts'
import type { Ask, ResetPart, Upstream } from '../upstream.ts'
import { replicateAdmin } from './admin.ts'
import { refusal, throttled } from './errors.ts'
import { defaultOptions, type ReplicateOptions } from './options.ts'
import { createParts, newWindows, type ReplicateParts, settingsOf, shownSettings } from './parts.ts'
import { routed } from './routes.ts'

/** The simulated Replicate, its predictions API below `/replicate`: upstreams/ml-vision.md, part 1. */
export function createReplicate(
  given: Partial<ReplicateOptions>,
  fetchMedia: FetchMedia,
): Upstream {
  const parts = createParts({ ...defaultOptions, ...given }, fetchMedia)
  return {
    name: 'replicate',
    prefix: '/replicate',
    serves: 'Replicate: predictions, one at a time (/replicate/v1)',
    answer: (ask) => answerAsk(parts, ask),
    idsAsked: () => 0,
    admin: replicateAdmin(parts),
    settings: () => shownSettings(parts),
    reset: (part) => reset(parts, part),
  }
}

/** From the outside in: faults that replace the answer, token, the minute's requests, the call. */
function answerAsk(parts: ReplicateParts, ask: Ask): Answer {
  const address = `${ask.method} ${ask.path}?${readableQuery(ask.search)}`
  const taken = parts.faults.take(address)
  const replaced = taken
    .map((fault) => replacedAnswer(fault, refusal))
    .find((answer) => answer !== undefined)
  const own = replaced ?? refusedAtDoor(parts, ask) ?? routed(parts, ask)
  const delayMs = Math.max(own.delayMs ?? 0, parts.settings.latencyMs)
  return taken.reduce(spoilAnswer, { ...own, delayMs })
}

function refusedAtDoor({ settings, windows }: ReplicateParts, ask: Ask): Answer | undefined {
  const token = /^(?:Bearer|Token) (.+)$/.exec(ask.headers.authorization ?? '')?.[1]
  if (token !== settings.token) {
    return refusal(401, 'the authentication token is missing or not valid', 'Unauthenticated')
  }
  const isCreate = ask.method === 'POST' && ask.path === '/v1/predictions'
  const window = isCreate ? windows.creates : windows.others
  const limit = isCreate ? settings.createsPerWindow : settings.othersPerWindow
  if (window.count(ask.arrivedMs) >= limit) {
    return throttled(settings, window.leftMs(ask.arrivedMs))
  }
  window.add(ask.arrivedMs)
  return undefined
}

function reset(parts: ReplicateParts, part: ResetPart): void {
  if (part === 'world') {
    parts.predictions.clear()
    parts.open.clear()
    parts.tallies.clear()
    parts.polls.clear()
  }
  if (part === 'settings') {
    parts.settings = settingsOf(parts.options)
    parts.windows = newWindows(parts.settings)
  }
  if (part === 'faults') {
    parts.faults.clear()
    parts.fates.clear()
  }
}
