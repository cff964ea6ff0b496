import { type Answer, HTML } from '../http/answer.ts'
import { nginxPage } from '../http/problem.ts'
import { refusal } from './errors.ts'
import type { RequestFault } from './faults.ts'

/** The answer that a fault gives in place of the service's; undefined where it leaves that alone. `refuse`: what its errors look like. */
export function replacedAnswer(
  fault: RequestFault,
  refuse: (status: number, detail: string) => Answer = refusal,
): Answer | undefined {
  if (fault.kind === 'reset') return { status: 0, delivery: 'reset' }
  if (fault.kind === 'hang') return { status: 0, delivery: 'never' }
  if (fault.kind === 'html') {
    return { status: 200, contentType: HTML, text: '<!doctype html>\n<title>Sign in</title>\n' }
  }
  if (fault.kind !== 'status') return undefined
  const { status, body, retryAfter } = fault
  const headers = retryAfter === undefined ? {} : { 'retry-after': String(retryAfter) }
  if (body === 'problem') return { ...refuse(status, 'a fault that was asked for'), headers }
  if (body === 'html') return { ...nginxPage(status), headers }
  if (body === 'empty') return { status, headers }
  return { status, contentType: 'application/json', json: body, headers }
}

/** The service's own answer, made worse by a fault that does not replace it. */
export function spoilAnswer(answer: Answer, fault: RequestFault): Answer {
  if (fault.kind === 'slow') return { ...answer, delayMs: (answer.delayMs ?? 0) + fault.ms }
  if (fault.kind === 'truncate') return { ...answer, delivery: 'half' }
  if (fault.kind === 'lostAnswer') return { ...answer, status: 0, delivery: 'reset' }
  if (fault.kind === 'wrongShape') return { ...answer, json: {} }
  if (fault.kind === 'invalidJson') {
    const { json: body = {}, ...rest } = answer
    return { ...rest, text: `${JSON.stringify(body).slice(0, -1)},}` }
  }
  return answer
}
