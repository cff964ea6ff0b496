import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import { contentOf, looksLikeVideo } from '../analysis/content.ts'
import { type Answer, json } from '../http/answer.ts'
import type { Ask } from '../upstream.ts'
import { refusal } from './errors.ts'
import type { Model } from './options.ts'
import type { ReplicateParts } from './parts.ts'
import { advance, durationMs, failsByLuck, type Prediction } from './prediction.ts'
import { predictionJson } from './tell-prediction.ts'

const fileUrl = z.string().refine((url) => URL.canParse(url) && /^(https?:|data:)/.test(url))
const bodySchema = z.object({
  version: z.string(),
  input: z.record(z.string(), z.unknown()),
  /** Taken and never called. */
  webhook: z.url().optional(),
  webhook_events_filter: z.array(z.enum(['start', 'output', 'logs', 'completed'])).optional(),
})

/** `POST /v1/predictions`: one input a call, and no key makes two calls one. */
export function createAnswer(parts: ReplicateParts, ask: Ask): Answer {
  const { settings, clock } = parts
  if (ask.bodyBytes > 1_048_576) return refusal(413, 'the body is too large')
  const parsed = bodySchema.safeParse(parsedJson(ask.body))
  if (!parsed.success) {
    const said = parsed.error.issues.map(({ path, message }) => `- ${path.join('.')}: ${message}\n`)
    return refusal(422, said.join(''), 'Input validation failed')
  }
  const { version, input } = parsed.data
  const model = settings.models.find(
    (one) => version === one.version || version === `${one.name}:${one.version}`,
  )
  if (model === undefined) {
    return refusal(422, 'there is no such version, or not for you', 'Invalid version')
  }
  const given = inputOf(model, input)
  if (given === undefined) {
    return refusal(422, `- input: ${model.kind} is required\n`, 'Input validation failed')
  }
  if (settings.credits !== null && settings.credits < 1) {
    return refusal(402, 'there is no credit left', 'Insufficient credit')
  }
  if (settings.credits !== null) settings.credits--

  const one = createPrediction(parts, model, input, given)
  const waitMs = Math.min(waitedMs(ask), one.dueMs - clock.nowMs())
  const atMs = clock.nowMs() + Math.max(0, waitMs)
  advance(parts, one, atMs)
  const isLate = waitMs > 0 && one.ending === undefined
  const answer = json(
    isLate ? 202 : settings.createStatus,
    predictionJson(parts, one, ask.baseUrl, atMs),
  )
  return { ...answer, delayMs: Math.max(0, waitMs), rows: 1 }
}

type Given = Pick<Prediction, 'content' | 'text' | 'url'> & { isVideo: boolean }

function createPrediction(
  parts: ReplicateParts,
  model: Model,
  input: Record<string, unknown>,
  { content, text, url, isVideo }: Given,
): Prediction {
  const fate = parts.fates.take(JSON.stringify(input))[0]
  const duration = durationMs(parts, content)
  const createdMs = parts.clock.nowMs()
  const unread = isVideo || failsByLuck(parts, content) ? 'cannot identify image file' : null
  const one: Prediction = {
    // Not out of the seed: a sandbox started anew must not give an old id to a new one.
    id: newId(),
    model,
    input,
    content,
    text,
    url,
    fate,
    createdMs,
    startMs: createdMs + duration * parts.settings.startingShare,
    dueMs: createdMs + duration,
    completedMs: undefined,
    fetched: false,
    ending: undefined,
    error: fate?.kind === 'fails' ? fate.error : unread,
  }
  parts.tallies.accepted(one)
  if (fate?.kind !== 'vanishes') {
    parts.predictions.set(one.id, one)
    parts.open.add(one)
  }
  return one
}

function inputOf(model: Model, { text, image }: Record<string, unknown>): Given | undefined {
  if (model.kind === 'text') {
    if (typeof text !== 'string' || text === '') return undefined
    const content = contentOf({ item_id: '', text })
    return { content, text, url: undefined, isVideo: false }
  }
  const url = fileUrl.safeParse(image).data
  if (url === undefined) return undefined
  const [, mime_type = '', base64] = /^data:([^;,]*);base64,(.*)$/s.exec(url) ?? []
  const source = base64 === undefined ? { url } : { base64, mime_type }
  const content = contentOf({ item_id: '', image: source })
  const isVideo = looksLikeVideo(source)
  return { content, text: '', url: base64 === undefined ? url : undefined, isVideo }
}

/** `Prefer: wait` or `wait=5`: up to a minute; 0 without it. */
function waitedMs({ headers }: Ask): number {
  const [, seconds] = /^wait(?:=(\d+))?$/.exec(String(headers['prefer'] ?? '')) ?? []
  if (headers['prefer'] === undefined) return 0
  return Math.min(60, Number(seconds ?? 60)) * 1000
}

function newId(): string {
  const letters = 'abcdefghjkmnpqrstvwxyz0123456789'
  return Array.from(randomBytes(26), (byte) => letters[byte % letters.length]).join('')
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
