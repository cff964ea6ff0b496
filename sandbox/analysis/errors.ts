import { STATUS_CODES } from 'node:http'
import { type Answer, PROBLEM } from '../http/answer.ts'

const codes: Record<number, string> = {
  400: 'invalid_request',
  401: 'unauthorized',
  402: 'quota_exhausted',
  403: 'forbidden',
  404: 'not_found',
  405: 'invalid_request',
  409: 'in_progress',
  410: 'expired',
  413: 'too_large',
  422: 'idempotency_key_reused',
  429: 'rate_limited',
  501: 'not_supported',
}
const retriable: ReadonlySet<number> = new Set([409, 429, 500, 502, 503, 504])

export type FieldError = { path: string; message: string }

/** A request error as the contract has it (upstreams/ml-vision.md, 2.4). */
export function refusal(status: number, detail: string, errors: FieldError[] = []): Answer {
  const code = codes[status] ?? 'unavailable'
  return {
    status,
    contentType: PROBLEM,
    json: {
      type: `https://analysis.test/problems/${code}`,
      title: STATUS_CODES[status] ?? 'Error',
      status,
      detail,
      code,
      retriable: retriable.has(status),
      ...(errors.length > 0 && { errors }),
    },
  }
}
