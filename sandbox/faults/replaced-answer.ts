import { type Answer, HAL, HTML, PROBLEM } from '../http/answer.ts'
import { nginxPage, problem } from '../http/problem.ts'
import type { Fault } from './fault-schema.ts'

/** The answer that a fault gives instead of the upstream's; undefined if it leaves that alone. */
export function replacedAnswer(fault: Fault): Answer | undefined {
  switch (fault.kind) {
    case 'status':
      return statusAnswer(fault)
    case 'html':
      return {
        status: 200,
        contentType: HTML,
        text: '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>Sign in</body></html>\n',
      }
    case 'reset':
      return { status: 0, delivery: 'reset' }
    case 'hang':
      return { status: 0, delivery: 'never' }
    case 'huge':
      return { status: 200, contentType: HAL, stream: hugeBody(fault.mb * 1024 * 1024) }
    case 'slow':
    case 'badRecord':
    case 'truncate':
    case 'invalidJson':
    case 'wrongShape':
    case 'ignoreFilter':
    case 'noNext':
    case 'repeatPage':
      return undefined
  }
  throw new Error('every kind of fault is named above')
}

function statusAnswer(fault: Extract<Fault, { kind: 'status' }>): Answer {
  const answer = statusBody(fault.status, fault.body)
  if (fault.retryAfter === undefined) return answer
  return { ...answer, headers: { 'retry-after': String(fault.retryAfter) } }
}

function statusBody(status: number, body: string | Record<string, unknown>): Answer {
  if (typeof body === 'object') return { status, contentType: PROBLEM, json: body }
  if (body === 'empty') return { status }
  return body === 'problem' ? problem(status, 'a fault that was asked for') : nginxPage(status)
}

/** Valid JSON of at least `bytes`, made while it is sent. */
function* hugeBody(bytes: number): Generator<string> {
  const record = JSON.stringify({ id: 1, name: 'x'.repeat(65_000) })
  yield '{"_page":1,"_embedded":{"contacts":['
  for (let sent = 0; sent < bytes; sent += record.length + 1) yield `${record},`
  yield `${record}]}}`
}
