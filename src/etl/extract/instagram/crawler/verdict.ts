import { z } from 'zod'
import type { Answer } from '../../answer.ts'
import { blockedHint } from '../../breaker.ts'
import { HttpFault, type Verdict } from '../../verdict.ts'

const said = z.looseObject({ status: z.unknown().optional(), response: z.unknown().optional() })

/** What an answer means where the crawler API differs from plain HTTP (upstreams/instagram.md, B3). */
export function judge(answer: Answer): Verdict | undefined {
  switch (answer.status) {
    case 200:
      // Some answers of v2 are a refusal in a 200; what it tells is mostly to come again later.
      return hasFailed(answer) ? { kind: 'upstream', retry: true } : undefined
    case 402:
      return {
        kind: 'blocked',
        blocks: true,
        hint: `the balance is empty: top it up (GET /sys/balance tells it); ${blockedHint('instagram')}`,
      }
    case 403:
    case 404:
      // About one account or one post. A web page is the word of something before the API: it tells nothing of either.
      if (answer.isHtml) return { kind: 'bad_answer', hint: 'is INSTAGRAM_BASE_URL right?' }
      return { kind: answer.status === 403 ? 'forbidden' : 'not_found' }
    case 408:
      return { kind: 'upstream', retry: true }
    case 410:
      return { kind: 'bad_request', hint: 'the endpoint was retired: the program has to change' }
    default:
      return undefined
  }
}

function hasFailed(answer: Answer): boolean {
  if (answer.isHtml) return false
  const body = said.safeParse(answer.json())
  if (!body.success) return false
  const inner = said.safeParse(body.data.response)
  return body.data.status === 'fail' || (inner.success && inner.data.status === 'fail')
}

/** A refusal of the crawler API: `exc` is its name for it, such as `CommentsDisabled`. */
export class CrawlerFault extends HttpFault {
  readonly exc: string
  constructor(exc: string, message: string, fault: HttpFault) {
    const { kind, service, hint, retriable, status, body } = fault
    super(kind, message, { service, hint, retriable, status, body, cause: fault })
    this.name = 'CrawlerFault'
    this.exc = exc
  }
}

const place = z.array(z.union([z.string(), z.number()]))
const problem = z.looseObject({ loc: place.optional(), msg: z.string() })
const refusalBody = z.looseObject({
  detail: z.union([z.string(), z.array(problem)]),
  exc_type: z.string().nullish().catch(null),
})

/** The refusal in its own words: `404 UserNotFound: Target user not found`, and of a 422 what is wrong with which argument. */
export function explain(fault: HttpFault, call: string): CrawlerFault {
  const body = refusalBody.safeParse(jsonOf(fault.body))
  if (!body.success) return new CrawlerFault('', fault.message, fault)
  const { detail, exc_type: exc } = body.data
  const reason =
    typeof detail === 'string'
      ? detail
      : detail.map(({ loc, msg }) => [loc?.join('.'), msg].filter(Boolean).join(': ')).join('; ')
  const message = `${call}: ${fault.status} ${exc ? `${exc}: ` : ''}${reason}`
  return new CrawlerFault(exc ?? '', message.slice(0, 400), fault)
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
