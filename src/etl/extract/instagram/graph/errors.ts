import { z } from 'zod'
import { Fault, type FaultOptions } from '../../../../errors.ts'
import type { Answer } from '../../answer.ts'
import type { Refusal, Verdict } from '../../verdict.ts'
import { usageIn } from './usage.ts'

/** What the official API says in place of an answer (upstreams/instagram.md, A3). */
export interface GraphError {
  code: number
  subcode?: number | undefined
  message: string
  passes: boolean
}

const whole = z.coerce.number().int()
const errorBody = z.looseObject({
  error: z.looseObject({
    code: whole,
    error_subcode: whole.optional().catch(undefined),
    message: z.string().catch(''),
    is_transient: z.boolean().optional().catch(undefined),
  }),
})

export function errorIn(answer: Answer): GraphError | undefined {
  const body = errorBody.safeParse(jsonOf(answer))
  if (!body.success) return undefined
  const { code, error_subcode: subcode, message, is_transient: passes = false } = body.data.error
  return { code, subcode, message, passes }
}

function jsonOf(answer: Answer): unknown {
  try {
    return answer.json()
  } catch {
    return undefined
  }
}

const rateLimits: ReadonlySet<number> = new Set([4, 17, 32, 613])
const isRateLimit = (code: number) => rateLimits.has(code) || (code >= 80_000 && code <= 80_014)
const isPermission = (code: number) => code === 10 || (code >= 200 && code <= 299)
/** Subcodes of 100: no such object, or no right to it; and discovery's word for nobody, which is 110's as a rule. */
const unknownObject = 33
export const unknownUser = 2_207_013

/** By the error's code, not by the status, which says little (upstreams/instagram.md, A3). */
export function judge(answer: Answer): Verdict | undefined {
  const error = errorIn(answer)
  if (error) return judgeError(error, answer)
  // A web page is the word of something before the API, not of the account.
  if (answer.isHtml && answer.status < 500)
    return { kind: 'bad_answer', hint: 'is INSTAGRAM_BASE_URL right?' }
  return undefined
}

function judgeError({ code, subcode, passes }: GraphError, answer: Answer): Refusal {
  if (code === 190 || code === 102) return { kind: 'unauthorized', hint: loginHint(subcode) }
  // Where the wait is told, asking again before it is over only makes it longer.
  if (isRateLimit(code))
    return { kind: 'rate_limited', retry: usageIn(answer).regainMs === undefined }
  if (isPermission(code)) return { kind: 'forbidden' }
  if (code === 110 || subcode === unknownUser || (code === 100 && subcode === unknownObject))
    return { kind: 'not_found' }
  if (code === 1 || code === 2 || passes) return { kind: 'upstream', retry: true }
  return { kind: 'bad_request' }
}

const reasons: Record<number, string> = {
  458: 'the app was removed',
  459: 'Facebook asks for a check of the account',
  460: 'the password was changed',
  463: 'it has expired',
  467: 'it is not valid any more',
}

function loginHint(subcode: number | undefined): string {
  const reason = reasons[subcode ?? 0] ?? 'it is wrong, expired or revoked'
  return `INSTAGRAM_ACCESS_KEY: ${reason}; log in again for another token`
}

/** A refusal of the official API. */
export class GraphFault extends Fault {
  readonly code: number
  readonly subcode: number | undefined
  constructor({ code, subcode }: GraphError, fault: Fault, message: string) {
    const { kind, service, hint, retriable } = fault
    super(kind, message, { service, hint, retriable, cause: fault } satisfies FaultOptions)
    this.name = 'GraphFault'
    this.code = code
    this.subcode = subcode
  }
}
