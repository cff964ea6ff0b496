import { STATUS_CODES } from 'node:http'
import { type ErrorKind, Fault, type FaultOptions } from '../../errors.ts'
import type { Answer, Asked } from './answer.ts'
import { blockedHint } from './breaker.ts'

/** What an answer means: it is what was asked for, or why not. */
export type Verdict = 'fine' | Refusal

export interface Refusal {
  kind: ErrorKind
  /** What to do about it. */
  hint?: string
  /** It may pass within seconds. Default: false. */
  retry?: boolean
  /** The account is shut out: opens the breaker. Default: false. */
  blocks?: boolean
}

/** Names of the settings that hold an upstream's address and its secret: hints name them. */
export interface SettingNames {
  baseUrl: string
  secret: string
}

/** An upstream's final "no". Callers look at `status`: 414 asks for half as many ids. */
export class HttpFault extends Fault {
  readonly status: number
  /** The first 500 characters, without secrets. */
  readonly body: string

  constructor(
    kind: ErrorKind,
    message: string,
    options: FaultOptions & { status: number; body: string },
  ) {
    super(kind, message, options)
    this.name = 'HttpFault'
    this.status = options.status
    this.body = options.body
  }
}

/** What an answer means by plain HTTP; amoCRM's 402 and 403 as in upstreams/amocrm.md, 5. Looks at the status before the body. */
export function judgeHttp(answer: Answer, service: string, settings: SettingNames): Verdict {
  const { status } = answer
  if (status >= 200 && status < 300) {
    if (answer.isHtml)
      return { kind: 'bad_answer', hint: `is ${settings.baseUrl} the address of the API?` }
    return 'fine'
  }
  if (status < 400)
    return { kind: 'bad_answer', hint: `it redirects: is ${settings.baseUrl} right?` }
  if (status >= 500) return { kind: 'upstream', retry: true }
  switch (status) {
    case 401:
      return { kind: 'unauthorized', hint: `check ${settings.secret}: wrong, expired or revoked` }
    case 402:
      return { kind: 'blocked', blocks: true, hint: `it is not paid; ${blockedHint(service)}` }
    case 403:
      // A missing right comes as problem+json, the block of a whole account as a web page.
      if (answer.isHtml) return { kind: 'blocked', blocks: true, hint: blockedHint(service) }
      return { kind: 'forbidden', hint: `the owner of ${settings.secret} lacks the right to this` }
    case 404:
      return { kind: 'not_found' }
    case 429:
      return { kind: 'rate_limited', retry: true }
    default:
      return { kind: 'bad_request' }
  }
}

/** The fault for a refusal that is final: says what was asked, what came back, and what to do. */
export function httpFault(answer: Answer, refusal: Refusal, asked: Asked): HttpFault {
  const { status } = answer
  const reason = [
    `${asked.call}: ${status} ${STATUS_CODES[status] ?? ''}`.trim(),
    redirectsTo(answer),
    answer.quote(),
  ]
  return new HttpFault(refusal.kind, asked.hide(reason.filter(Boolean).join(', ')), {
    service: asked.service,
    hint: refusal.hint,
    // An address that redirects will do so again. A page where JSON was due may be one for maintenance.
    retriable: status < 400 && status >= 300 ? false : undefined,
    status,
    body: asked.hide(answer.text().slice(0, 4096)).slice(0, 500).toWellFormed(),
  })
}

function redirectsTo({ headers }: Answer): string {
  const location = headers['location']
  // Without its query: login pages get tokens there.
  return location ? `to ${String(location).split('?', 1)[0]}` : ''
}
