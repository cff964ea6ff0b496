import { hash32 } from '../analysis/hash.ts'
import type { Fate } from './faults.ts'
import type { Model } from './options.ts'
import type { ReplicateParts } from './parts.ts'

/** The words of upstreams/ml-vision.md, 2.3. */
export type Ending = 'succeeded' | 'failed' | 'canceled' | 'aborted'

export type Prediction = {
  id: string
  model: Model
  /** As it was sent. */
  input: Record<string, unknown>
  /** contentOf() of its text or picture: decides the output. */
  content: string
  text: string
  url: string | undefined
  fate: Fate | undefined
  /** Moments of the service's clock, in ms. */
  createdMs: number
  startMs: number
  dueMs: number
  completedMs: number | undefined
  /** The file was asked for. */
  fetched: boolean
  ending: Ending | undefined
  error: string | null
}

const endless: ReadonlySet<string> = new Set(['neverEnds', 'unknownStatus'])

/** What a prediction does by itself until a moment; called whenever someone looks at it. */
export function advance(parts: ReplicateParts, one: Prediction, nowMs: number): void {
  if (one.completedMs !== undefined) return
  if (!one.fetched && nowMs >= one.startMs) {
    const problem = one.url === undefined ? undefined : parts.fetchMedia(one.url, nowMs)
    if (problem !== undefined) one.error ??= `could not download ${one.url}: ${problem}`
    one.fetched = true
  }
  if (nowMs < one.dueMs || endless.has(one.fate?.kind ?? '')) return
  const isAborted = one.fate?.kind === 'isAborted'
  complete(parts, one, isAborted ? 'aborted' : one.error === null ? 'succeeded' : 'failed')
}

export function complete(
  { clock, open, tallies }: ReplicateParts,
  one: Prediction,
  ending: Ending,
): void {
  one.ending = ending
  one.completedMs = ending === 'canceled' ? clock.nowMs() : one.dueMs
  open.delete(one)
  tallies.ended(one, ending === 'aborted' ? 'canceled' : ending)
}

export function statusAt(one: Prediction, nowMs: number): string {
  if (one.ending !== undefined) return one.ending
  if (nowMs < one.startMs) return 'starting'
  return one.fate?.kind === 'unknownStatus' ? 'hibernating' : 'processing'
}

/** An hour after its end what went in and came out is removed. */
export function isRemoved({ settings }: ReplicateParts, one: Prediction, nowMs: number): boolean {
  const { completedMs } = one
  return completedMs !== undefined && nowMs >= completedMs + settings.removeAfterSeconds * 1000
}

/** How long an input takes, in ms: the same content and seed, the same time. */
export function durationMs({ settings, seed }: ReplicateParts, content: string): number {
  const share = hash32(`${seed} time ${content}`) / 4_294_967_296
  const { minSeconds, maxSeconds } = settings
  return Math.round((minSeconds + share * Math.max(0, maxSeconds - minSeconds)) * 1000)
}

export function failsByLuck({ settings, seed }: ReplicateParts, content: string): boolean {
  return hash32(`${seed} fate ${content}`) / 4_294_967_296 < settings.failShare
}
