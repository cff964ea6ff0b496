import { STATUS_CODES } from 'node:http'

/** RFC 9457: what every error of the HTTP door is. */
export interface Problem {
  type: string
  title: string
  status: number
  detail: string
}

export const problemType = 'application/problem+json'

export function problem(status: number, detail: string): Problem {
  return { type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail }
}
