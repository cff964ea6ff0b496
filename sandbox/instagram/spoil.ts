import { type Answer, HTML } from '../http/answer.ts'
import { nginxPage } from '../http/problem.ts'
import type { InstagramFault, RecordFlaw } from './faults.ts'

/** The answer that a fault gives whatever the route; undefined where the route has its own way. */
export function replacedAnswer(fault: InstagramFault): Answer | undefined {
  if (fault.kind === 'reset') return { status: 0, delivery: 'reset' }
  if (fault.kind === 'hang') return { status: 0, delivery: 'never' }
  if (fault.kind === 'html') {
    const text = '<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body></body></html>\n'
    return { status: 200, contentType: HTML, text }
  }
  if (fault.kind !== 'status' || fault.body === 'detail') return undefined
  const { status, body } = fault
  if (body === 'html') return nginxPage(status)
  if (body === 'empty') return { status }
  return { status, contentType: 'application/json', json: body }
}

/** The route's own answer, made worse by a fault that does not replace it. */
export function spoilAnswer(answer: Answer, fault: InstagramFault): Answer {
  const { kind } = fault
  if (kind === 'slow') return { ...answer, delayMs: (answer.delayMs ?? 0) + fault.ms }
  if (kind === 'truncate') return { ...answer, delivery: 'half' }
  if (kind === 'invalidJson') {
    const { json: body = {}, ...rest } = answer
    return { ...rest, text: `${JSON.stringify(body).slice(0, -1)},}` }
  }
  if (kind !== 'status' || fault.retryAfter === undefined) return answer
  return { ...answer, headers: { ...answer.headers, 'retry-after': String(fault.retryAfter) } }
}

/** The records of a page as the faults would have them. */
export function spoilRecords(
  records: readonly object[],
  taken: readonly InstagramFault[],
): readonly unknown[] {
  let result: readonly unknown[] = records
  for (const fault of taken) {
    if (fault.kind !== 'badRecord') continue
    const how = typeof fault.how === 'string' ? [fault.how] : fault.how
    let spoilt = 0
    result = result.map((record, n) =>
      fault.records.includes(n) ? withFlaw(record, how[spoilt++ % how.length] ?? 'idWord') : record,
    )
  }
  return result
}

function withFlaw(record: unknown, flaw: RecordFlaw): unknown {
  // A clip of v2 stands one level down.
  const { media, ...rest } = Object(record)
  return media === undefined ? flawed[flaw](rest) : { ...rest, media: flawed[flaw](media) }
}

// JSON leaves out what is undefined.
const flawed: Record<RecordFlaw, (record: Record<string, unknown>) => unknown> = {
  idWord: (record) => ({ ...record, id: 'not-a-number', ...('pk' in record && { pk: 'x' }) }),
  noId: (record) => ({ ...record, id: undefined, pk: undefined }),
  nullRecord: () => null,
  nulCharacter: (record) => {
    const name = ['text', 'caption_text', 'username', 'title', 'caption'].find((n) => n in record)
    return { ...record, [name ?? 'text']: 'before\u0000after' }
  },
  noUser: (record) => ({ ...record, user: undefined, username: undefined }),
  countWord: (record) => ({ ...record, like_count: 'many', comment_count: 'many' }),
}
