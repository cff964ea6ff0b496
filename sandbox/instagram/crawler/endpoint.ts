import type { Answer } from '../../http/answer.ts'
import type { ListPage } from './list-page.ts'
import type { Visit } from './visit.ts'

export type Endpoint = {
  /** Parameters that must come; an 'id' is of digits, `<pk>_<userpk>` included. */
  required?: Record<string, 'id' | 'text'>
  /** Requests it is charged as (upstreams/instagram.md, B3). Default 1. */
  cost?: number
  answer(visit: Visit): Answer
}

export function body(value: unknown, rows = 1): Answer {
  return { status: 200, contentType: 'application/json', json: value, rows }
}

/** v1: `[records, cursor]`. */
export function tuple({ records, next }: ListPage): Answer {
  return body([records, next], records.length)
}

/** v2: `{response, next_page_id}`. */
export function envelope(response: object, { records, next }: ListPage): Answer {
  return body({ response, next_page_id: next }, records.length)
}

export const param = ({ params }: Visit, name: string): string => params.get(name) ?? ''
