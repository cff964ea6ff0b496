import type { Answer } from '../http/answer.ts'
import { createSlidingWindow } from '../sliding-window.ts'
import { readableQuery } from '../request-log.ts'
import type { Ask, ResetPart, Upstream } from '../upstream.ts'
import { analysisAdmin } from './admin.ts'
import { bodyDetail, itemsIn } from './body-detail.ts'
import { refusal } from './errors.ts'
import type { FetchMedia } from './media-fetcher.ts'
import { type AnalysisOptions, textMlDefaults, visionDefaults } from './options.ts'
import { type AnalysisParts, createParts, settingsOf, shownSettings } from './parts.ts'
import { restore } from './restore.ts'
import { idsIn, routed } from './routes.ts'
import { replacedAnswer, spoilAnswer } from './spoil.ts'

/** The image service, below `/vision`: upstreams/ml-vision.md, part 2. It fetches files through `fetchMedia`. */
export function createVision(given: Partial<AnalysisOptions>, fetchMedia: FetchMedia): Upstream {
  const parts = createParts('image', { ...visionDefaults, ...given }, fetchMedia)
  return { name: 'vision', serves: 'Image recognition: /vision/v1/jobs', ...service(parts) }
}

/** The text service, below `/text-ml`: the same contract, for texts. */
export function createTextMl(given: Partial<AnalysisOptions>, fetchMedia: FetchMedia): Upstream {
  const parts = createParts('text', { ...textMlDefaults, ...given }, fetchMedia)
  return { name: 'text-ml', serves: 'Text ML: /text-ml/v1/jobs', ...service(parts) }
}

function service(parts: AnalysisParts): Omit<Upstream, 'name' | 'serves'> {
  restore(parts)
  return {
    prefix: parts.kind === 'image' ? '/vision' : '/text-ml',
    answer: (ask) => answerAsk(parts, ask),
    idsAsked: (search, body) => (body === '' ? idsIn(search).length : itemsIn(body)),
    detail: bodyDetail,
    admin: analysisAdmin(parts),
    settings: () => shownSettings(parts),
    reset: (part) => reset(parts, part),
  }
}

/** From the outside in: faults that replace the answer, key, requests a second, the call. */
function answerAsk(parts: AnalysisParts, ask: Ask): Answer {
  const { settings, faults } = parts
  const address = `${ask.method} ${ask.path}?${readableQuery(ask.search)} ${bodyDetail(ask.body)}`
  const taken = faults.take(address)
  const replaced = taken
    .map((fault) => replacedAnswer(fault))
    .find((answer) => answer !== undefined)
  const own = replaced ?? refusedAtDoor(parts, ask) ?? routed(parts, ask)
  return taken.reduce(spoilAnswer, { ...own, delayMs: settings.latencyMs })
}

function refusedAtDoor({ settings, second }: AnalysisParts, ask: Ask): Answer | undefined {
  const key = /^Bearer (.+)$/.exec(ask.headers.authorization ?? '')?.[1]
  if (key !== settings.key) {
    return key !== undefined && settings.scopedKeys.includes(key)
      ? refusal(403, 'this key may not analyse')
      : refusal(401, 'the key is missing or wrong')
  }
  if (second.count(ask.arrivedMs) >= settings.perSecond) {
    return { ...refusal(429, 'too many requests'), headers: { 'retry-after': '1' } }
  }
  second.add(ask.arrivedMs)
  return undefined
}

function reset(parts: AnalysisParts, part: ResetPart): void {
  if (part === 'world') {
    parts.jobs.clear()
    parts.open.clear()
    parts.keys.clear()
    parts.file.replace([])
    parts.tallies.clear()
    parts.polls.clear()
  }
  if (part === 'settings') {
    parts.settings = settingsOf(parts.options)
    parts.second = createSlidingWindow(1000)
  }
  if (part === 'faults') {
    for (const box of [parts.faults, parts.jobFates, parts.itemFates]) box.clear()
  }
}
