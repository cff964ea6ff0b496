import { STATUS_CODES } from 'node:http'
import { type Answer, json } from '../http/answer.ts'
import type { ReplicateSettings } from './options.ts'

/** A request error: `{title, detail, status}` (upstreams/ml-vision.md, 1.1). */
export function refusal(status: number, detail: string, title = STATUS_CODES[status]): Answer {
  return json(status, { title: title ?? 'Error', detail, status })
}

/** 429: only `detail` is sure to be there. */
export function throttled({ throttledAs, retryAfter }: ReplicateSettings, leftMs: number): Answer {
  const seconds = Math.max(1, Math.ceil(leftMs / 1000))
  const detail = `Request was throttled. Expected available in ${seconds} second${seconds === 1 ? '' : 's'}.`
  const body = throttledAs === 'full' ? { detail, status: 429, retry_after: seconds } : { detail }
  return { ...json(429, body), headers: retryAfter ? { 'retry-after': String(seconds) } : {} }
}
