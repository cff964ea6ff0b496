import { randomUUID } from 'node:crypto'
import { type Answer, json } from '../../http/answer.ts'

const messages: Record<number, string> = {
  1: 'An unknown error occurred',
  2: 'Service temporarily unavailable',
  4: '(#4) Application request limit reached',
  10: '(#10) Application does not have permission for this action',
  17: '(#17) User request limit reached',
  32: '(#32) Page request limit reached',
  100: '(#100) Invalid parameter',
  102: 'Session key invalid or no longer valid',
  110: 'Invalid user id',
  190: 'Error validating access token',
  613: '(#613) Calls to this api have exceeded the rate limit.',
  80_002: '(#80002) There have been too many calls to this Instagram account.',
}

/** Statuses are a hint only: clients decide by the code (upstreams/instagram.md, A3). */
function statusOf(code: number): number {
  if (code === 1) return 500
  if (code === 2) return 503
  return code === 4 || code === 10 || (code >= 200 && code < 300) ? 403 : 400
}

export type GraphProblem = { code: number; subcode?: number | undefined; message?: string }

export function graphError({ code, subcode, message }: GraphProblem): Answer {
  const isUser = code === 110
  const error = {
    message: message ?? messages[code] ?? `(#${code}) Error`,
    type: code === 100 && subcode === 33 ? 'GraphMethodException' : 'OAuthException',
    code,
    ...(subcode !== undefined && { error_subcode: subcode }),
    is_transient: code === 1 || code === 2 || code === 4,
    ...(isUser && {
      error_user_title: 'Cannot find User',
      error_user_msg: 'The user with this username is not found, or is not professional.',
    }),
    fbtrace_id: `A${randomUUID().slice(0, 8)}`,
  }
  return json(statusOf(code), { error })
}

/** Thrown by whoever finds that a request cannot be answered with data. */
export class GraphRefusal extends Error {
  readonly problem: GraphProblem
  constructor(problem: GraphProblem) {
    super(`refused with ${problem.code}`)
    this.problem = problem
  }
}

export function refuse(code: number, subcode?: number, message?: string): never {
  throw new GraphRefusal({ code, subcode, ...(message !== undefined && { message }) })
}

export function unknownObject(id: string): never {
  return refuse(
    100,
    33,
    `Unsupported get request. Object with ID '${id}' does not exist, cannot be loaded due to missing permissions, or does not support this operation`,
  )
}
