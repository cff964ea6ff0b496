import { type Answer, json } from '../../http/answer.ts'

/** Thrown by whoever finds that a request cannot be answered with data. */
export class Refusal extends Error {
  readonly answer: Answer
  constructor(answer: Answer) {
    super(`refused with ${answer.status}`)
    this.answer = answer
  }
}

/** Names follow instagrapi's exceptions (upstreams/instagram.md, B3). */
export function errorAnswer(status: number, excType: string, detail: string): Answer {
  return json(status, { detail, exc_type: excType })
}

export function refuse(status: number, excType: string, detail: string): never {
  throw new Refusal(errorAnswer(status, excType, detail))
}

export const userNotFound = (): never => refuse(404, 'UserNotFound', 'Target user not found')
export const mediaNotFound = (): never => refuse(404, 'MediaNotFound', 'Media not found')
export const privateAccount = (): never => refuse(403, 'PrivateAccount', 'Private account')

export type Invalid = { loc: [string, string]; msg: string; type: string }

/** As FastAPI words it (B3). */
export function invalid(problems: readonly Invalid[]): Answer {
  return json(422, { detail: problems })
}

const usualErrors: Record<number, [excType: string, detail: string]> = {
  400: ['BadRequest', 'Bad request'],
  401: ['Unauthorized', 'Invalid access key'],
  402: ['InsufficientFunds', 'Top up your account'],
  403: ['PrivateAccount', 'Private account'],
  404: ['NotFoundError', 'Entries not found'],
  408: ['RequestTimeout', 'Request timeout'],
  410: ['Gone', 'The endpoint was retired'],
  429: ['RateLimitError', 'Too many requests'],
}

export function usualError(status: number): Answer {
  const [excType, detail] = usualErrors[status] ?? ['ServerError', 'Something went wrong']
  return errorAnswer(status, excType, detail)
}
