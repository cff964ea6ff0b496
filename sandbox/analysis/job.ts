import type { ErrorCode, JobFate } from './faults.ts'
import { looksLikeVideo } from './content.ts'
import { hash32 } from './hash.ts'
import type { ItemRequest, Kind } from './job-request.ts'
import type { AnalysisParts } from './parts.ts'

export type ItemError = { code: ErrorCode; message: string; retriable: boolean }

export type Item = {
  itemId: string
  /** contentOf(): decides the result. */
  content: string
  /** The text, or '' for files: those are not kept. */
  text: string
  url: string | undefined
  /** Decided when the job was accepted; the rest when the file is fetched. */
  error: ItemError | undefined
}

export type Job = {
  id: string
  key: string | undefined
  kind: Kind
  features: string[]
  clientRef: string | undefined
  items: Item[]
  fate: JobFate | undefined
  /** Moments of the service's clock, in ms. */
  createdMs: number
  startMs: number
  dueMs: number
  completedMs: number | undefined
  /** Its files were fetched; texts need no fetching. */
  fetched: boolean
  canceled: boolean
  polls: number
  /** How many requests got this job for an answer because of their key, the first included. */
  accepted: number
  /** Monotonic ms; a second request with the key that comes before is told `in_progress`. */
  answeredMs: number
}

/** What a job does by itself as time goes by; called whenever someone looks at it. */
export function advance(parts: AnalysisParts, job: Job): void {
  const nowMs = parts.clock.nowMs()
  if (job.completedMs !== undefined) return
  if (!job.fetched && nowMs >= job.startMs) {
    for (const item of job.items) item.error ??= fetchError(parts, job, item)
    job.fetched = true
  }
  if (isEndless(job.fate) || nowMs < job.dueMs) return
  if (job.polls < parts.settings.pollsBeforeEnd) return
  job.canceled = job.fate?.kind === 'isCanceled'
  complete(parts, job, job.polls > 0 && parts.settings.pollsBeforeEnd > 0 ? nowMs : job.dueMs)
}

/** Ends a job: what was in it counts as analysed unless it failed or was canceled. */
export function complete(parts: AnalysisParts, job: Job, atMs: number): void {
  job.completedMs = atMs
  parts.open.delete(job)
  for (const item of job.items) parts.tallies.ended(item, itemStatus(job, item))
}

export function itemStatus(job: Job, { error }: Item): 'succeeded' | 'failed' | 'canceled' {
  if (job.canceled) return 'canceled'
  return error !== undefined || job.fate?.kind === 'fails' ? 'failed' : 'succeeded'
}

export function statusOf(parts: AnalysisParts, job: Job): string {
  if (job.completedMs === undefined) {
    if (job.fate?.kind === 'unknownStatus') return job.fate.word
    return parts.clock.nowMs() < job.startMs ? 'queued' : 'running'
  }
  if (job.canceled) return 'canceled'
  const failed = job.items.filter((item) => itemStatus(job, item) === 'failed').length
  if (failed === 0) return 'succeeded'
  return failed === job.items.length ? 'failed' : 'partially_succeeded'
}

export function isExpired({ settings, clock }: AnalysisParts, job: Job): boolean {
  if (job.completedMs === undefined) return false
  return clock.nowMs() >= job.completedMs + settings.retentionSeconds * 1000
}

function isEndless(fate: JobFate | undefined): boolean {
  return fate?.kind === 'neverEnds' || (fate?.kind === 'unknownStatus' && !fate.ends)
}

/** How long a job of these contents takes, in ms: the same contents and seed, the same time. */
export function durationMs({ settings, seed }: AnalysisParts, contents: readonly string[]): number {
  const share = hash32(`${seed} time ${contents.join(' ')}`) / 4_294_967_296
  const { minSeconds, maxSeconds } = settings
  return Math.round((minSeconds + share * Math.max(0, maxSeconds - minSeconds)) * 1000)
}

/** What is known of an item before its file is fetched. */
export function errorAtOnce(
  { settings, seed }: AnalysisParts,
  kind: Kind,
  item: ItemRequest,
  content: string,
): ItemError | undefined {
  if ('text' in item) {
    const { length } = item.text
    if (length > settings.maxTextLength) {
      return failure('too_large', `the text is longer than ${settings.maxTextLength}`)
    }
    if (item.text.trim() === '') return failure('unreadable_input', 'there is nothing to read')
  } else {
    const source = 'image' in item ? item.image : item.video
    if ('mime_type' in source && !/^(image|video)\//.test(source.mime_type)) {
      return failure('unsupported_input', `not an image: ${source.mime_type}`)
    }
    if (looksLikeVideo(source) !== (kind === 'video')) {
      return failure('unsupported_input', kind === 'video' ? 'not a video' : 'not an image')
    }
  }
  const unlucky = hash32(`${seed} fate ${content}`) / 4_294_967_296 < settings.failShare
  return unlucky ? failure('unreadable_input', 'the content could not be decoded') : undefined
}

/** By the moment when the job began to run, whenever someone looks first. */
function fetchError({ fetchMedia }: AnalysisParts, job: Job, { url }: Item): ItemError | undefined {
  const problem = url === undefined ? undefined : fetchMedia(url, job.startMs)
  if (problem === undefined) return undefined
  return failure('fetch_failed', `${job.kind} could not be fetched: ${problem}`, true)
}

const failure = (code: ErrorCode, message: string, retriable = false): ItemError => ({
  code,
  message,
  retriable,
})
