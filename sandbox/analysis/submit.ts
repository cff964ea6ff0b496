import { randomBytes } from 'node:crypto'
import { stringify } from 'safe-stable-stringify'
import { z } from 'zod'
import { type Answer, json } from '../http/answer.ts'
import type { Ask } from '../upstream.ts'
import { contentOf } from './content.ts'
import { refusal } from './errors.ts'
import { sha256 } from './hash.ts'
import { advance, durationMs, errorAtOnce, isExpired, type Item, type Job } from './job.ts'
import { type ItemRequest, jobSchema, type JobRequest } from './job-request.ts'
import type { AnalysisParts } from './parts.ts'
import { jobJson, retryAfterHeader } from './tell-job.ts'

/** `POST /v1/jobs`: the same key and body give the same job again (upstreams/ml-vision.md, 2.1). */
export function submitAnswer(parts: AnalysisParts, ask: Ask): Answer {
  const { settings, keys } = parts
  if (ask.bodyBytes > settings.maxBodyBytes) {
    return refusal(413, `the body is longer than ${settings.maxBodyBytes} bytes`)
  }
  if (!/^application\/json\b/i.test(ask.headers['content-type'] ?? '')) {
    return refusal(400, 'the Content-Type must be application/json')
  }
  const given = parsedJson(ask.body)
  if (given === undefined) return refusal(400, 'the body is not JSON')
  const key = bareKey(ask.headers['idempotency-key'])
  if (key === '' || (key?.length ?? 0) > 255) {
    return refusal(400, 'the Idempotency-Key must have 1 to 255 characters')
  }
  // The order of keys in an object means nothing, the order of items does.
  const body = sha256(stringify(given) ?? '')
  const known = key === undefined ? undefined : keys.get(key)
  if (known !== undefined) return answerAgain(parts, ask, known.job, known.body === body)

  const parsed = jobSchema.safeParse(given)
  if (!parsed.success) return invalid(parsed.error)
  const { kind, items } = parsed.data
  if (kind !== parts.kind && !(kind === 'video' && parts.kind === 'image' && settings.video)) {
    return refusal(400, `this service knows no kind '${kind}'`)
  }
  if (items.length > settings.maxItems) {
    return refusal(413, `at most ${settings.maxItems} items, not ${items.length}`)
  }
  if (settings.quota !== null && settings.quota < items.length) {
    return refusal(402, 'the quota of this account is used up')
  }
  if (settings.quota !== null) settings.quota -= items.length
  const job = createJob(parts, parsed.data, key, ask.arrivedMs)
  if (job.fate?.kind !== 'vanishes') {
    parts.jobs.set(job.id, job)
    parts.open.add(job)
    parts.file.add({ job, body })
  }
  if (key !== undefined) keys.set(key, { job, body })
  return accepted(parts, ask, job)
}

function answerAgain(parts: AnalysisParts, ask: Ask, job: Job, sameBody: boolean): Answer {
  if (!sameBody) return refusal(422, 'the Idempotency-Key was used with another body')
  if (ask.arrivedMs < job.answeredMs) {
    const answer = refusal(409, 'a request with this Idempotency-Key is still being accepted')
    return { ...answer, headers: { 'retry-after': '1' } }
  }
  job.accepted++
  advance(parts, job)
  // The key outlives the job, so that nobody takes a new job for the old one.
  if (isExpired(parts, job)) return refusal(410, 'the job of this Idempotency-Key has expired')
  return accepted(parts, ask, job)
}

function accepted(parts: AnalysisParts, { baseUrl }: Ask, job: Job): Answer {
  const location = `${baseUrl}/v1/jobs/${job.id}`
  const headers = {
    location,
    'operation-location': location,
    ...retryAfterHeader(parts, [job]),
  }
  return { ...json(202, jobJson(parts, job)), headers, rows: 1 }
}

function createJob(
  parts: AnalysisParts,
  { kind, features, client_ref: clientRef, items }: JobRequest,
  key: string | undefined,
  arrivedMs: number,
): Job {
  const { settings, clock, jobFates, tallies } = parts
  const ids = items.map(({ item_id: id }) => id).join(' ')
  const kept = items.map((item) => keptItem(parts, kind, item))
  const duration = durationMs(
    parts,
    kept.map(({ content }) => content),
  )
  const createdMs = clock.nowMs()
  for (const item of kept) tallies.accepted(item)
  return {
    // Not out of the seed: a sandbox started anew must not give an old job's id to a new one.
    id: `job_${randomBytes(10).toString('hex')}`,
    key,
    kind,
    features,
    clientRef: clientRef ?? undefined,
    items: kept,
    fate: jobFates.take(`${key ?? ''} ${kind} ${clientRef ?? ''} ${ids}`)[0],
    createdMs,
    startMs: createdMs + duration * settings.queuedShare,
    dueMs: createdMs + duration,
    completedMs: undefined,
    fetched: false,
    canceled: false,
    polls: 0,
    accepted: 1,
    answeredMs: arrivedMs + settings.latencyMs,
  }
}

function keptItem(parts: AnalysisParts, kind: Job['kind'], item: ItemRequest): Item {
  const content = contentOf(item)
  const text = 'text' in item ? item.text : ''
  const source = 'image' in item ? item.image : 'video' in item ? item.video : undefined
  const url = source !== undefined && 'url' in source ? source.url : undefined
  const fate = parts.itemFates.take(`${item.item_id} ${content} ${url ?? text}`)[0]
  const wanted = fate && { code: fate.code, message: fate.message, retriable: fate.retriable }
  return {
    itemId: item.item_id,
    content,
    text,
    url,
    error: wanted ?? errorAtOnce(parts, kind, item, content),
  }
}

/** Undefined where there is none; quotes around it are not part of it. */
function bareKey(header: string | string[] | undefined): string | undefined {
  return header === undefined
    ? undefined
    : String(header)
        .trim()
        .replace(/^"(.*)"$/, '$1')
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function invalid(error: z.ZodError): Answer {
  const errors = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  return refusal(400, 'the job is not as it has to be', errors)
}
