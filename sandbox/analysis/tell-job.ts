import { isoTime } from './clock.ts'
import { type Item, itemStatus, type Job, statusOf } from './job.ts'
import type { AnalysisParts } from './parts.ts'
import { resultOf } from './results.ts'
import { misshapen } from './misshape.ts'

/** A job as the contract tells it (upstreams/ml-vision.md, 2.2), and `region`, which it does not know: readers ignore that. */
export function jobJson(parts: AnalysisParts, job: Job): Record<string, unknown> {
  const { completedMs, fate } = job
  const ended = completedMs !== undefined
  const told = ended || parts.settings.itemsWhileRunning
  const states = job.items.map((item) => stateOf(parts, job, item))
  const count = (state: string) => states.filter((one) => one === state).length
  const body = {
    id: job.id,
    kind: job.kind,
    status: statusOf(parts, job),
    ...(job.clientRef !== undefined && { client_ref: job.clientRef }),
    region: 'sandbox-1',
    created_at: isoTime(job.createdMs),
    updated_at: isoTime(completedMs ?? Math.max(job.createdMs, parts.clock.nowMs())),
    completed_at: ended ? isoTime(completedMs) : null,
    expires_at: ended ? isoTime(completedMs + parts.settings.retentionSeconds * 1000) : null,
    counts: {
      total: job.items.length,
      succeeded: count('succeeded'),
      failed: count('failed'),
    },
    error: ended ? errorOf(job) : null,
  }
  if (!told || (ended && fate?.kind === 'fails')) return body
  // The last first: results are found by their item_id, not by their place.
  const items = job.items.map((item, n) => itemJson(parts, job, item, states[n])).toReversed()
  return ended && fate?.kind === 'wrongShape'
    ? misshapen(fate.how, body, items)
    : { ...body, items }
}

/** `{}` where all of them have ended: nothing is to be waited for. */
export function retryAfterHeader(
  { settings }: AnalysisParts,
  jobs: readonly Job[],
): Record<string, string> {
  const { retryAfterSeconds: seconds, retryAfterAs } = settings
  if (seconds === null || jobs.every(({ completedMs }) => completedMs !== undefined)) return {}
  if (retryAfterAs === 'seconds') return { 'retry-after': String(seconds) }
  // By the clock that the asker has, however far the service's was moved on; a date has no fractions.
  return { 'retry-after': new Date(Math.ceil(Date.now() / 1000 + seconds) * 1000).toUTCString() }
}

type State = 'pending' | 'succeeded' | 'failed' | 'canceled'

function stateOf(parts: AnalysisParts, job: Job, item: Item): State {
  if (job.completedMs !== undefined) return itemStatus(job, item)
  if (!parts.settings.itemsWhileRunning || !job.fetched) return 'pending'
  // One after the other, spread over the time of the job.
  const place = (job.items.indexOf(item) + 1) / job.items.length
  const readyMs = job.startMs + (job.dueMs - job.startMs) * place
  return parts.clock.nowMs() >= readyMs ? itemStatus(job, item) : 'pending'
}

function itemJson(parts: AnalysisParts, job: Job, item: Item, state: State | undefined) {
  const { itemId: item_id } = item
  if (state === 'failed') return { item_id, status: state, error: item.error }
  if (state !== 'succeeded') return { item_id, status: state }
  const model = job.kind === 'text' ? 'sandbox-text-1' : 'sandbox-vision-3'
  return { item_id, status: state, model, result: resultOf(parts, job, item) }
}

function errorOf({ fate, items }: Job) {
  if (fate?.kind === 'fails') {
    return { code: fate.code, message: fate.message, retriable: fate.retriable }
  }
  const [first] = items
  if (first?.error === undefined || items.some(({ error }) => error === undefined)) return null
  return { ...first.error, message: 'no item could be analysed' }
}
