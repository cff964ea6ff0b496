import type { Answer } from '../http/answer.ts'
import type { BadRecordFault, Fault, RecordFlaw } from './fault-schema.ts'

/** The upstream's own answer, made worse by a fault that does not replace it. */
export function spoilAnswer(answer: Answer, fault: Fault): Answer {
  switch (fault.kind) {
    case 'slow':
      return { ...answer, delayMs: (answer.delayMs ?? 0) + fault.ms }
    case 'truncate':
      return { ...answer, delivery: 'half' }
    case 'invalidJson':
      return withInvalidJson(answer)
    case 'wrongShape':
      return { ...answer, json: withoutLists(answer.json) }
    case 'badRecord':
      return { ...answer, json: withBadRecords(answer.json, fault) }
    case 'status':
    case 'html':
    case 'reset':
    case 'hang':
    case 'huge':
    case 'ignoreFilter':
    case 'noNext':
    case 'repeatPage':
      return answer
  }
  throw new Error('every kind of fault is named above')
}

function withInvalidJson({ json: body = {}, ...rest }: Answer): Answer {
  return { ...rest, text: `${JSON.stringify(body).slice(0, -1)},}` }
}

/** Lists stand in `_embedded`, as HAL has it, or at the top. */
function withoutLists(body: unknown): unknown {
  if (!isObject(body)) return body
  const { _embedded: _, ...rest } = body
  return Object.fromEntries(Object.entries(rest).filter(([, value]) => !Array.isArray(value)))
}

function withBadRecords(body: unknown, fault: BadRecordFault): unknown {
  if (!isObject(body)) return body
  const { ids } = fault
  const positions = fault.records ?? (ids === undefined ? [0] : [])
  const how = typeof fault.how === 'string' ? [fault.how] : fault.how
  let spoilt = 0
  const spoil = (record: unknown, position: number) => {
    const named = isObject(record) && ids?.includes(Number(record['id'])) === true
    if (!named && !positions.includes(position)) return record
    return withFlaw(record, how[spoilt++ % how.length] ?? 'idWord')
  }
  const spoilLists = (lists: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(lists).map(([name, records]) => [
        name,
        Array.isArray(records) ? records.map(spoil) : records,
      ]),
    )
  const { _embedded: embedded } = body
  return isObject(embedded) ? { ...body, _embedded: spoilLists(embedded) } : spoilLists(body)
}

function withFlaw(record: unknown, flaw: RecordFlaw): unknown {
  return isObject(record) ? flawed[flaw](record) : record
}

const flawed: Record<RecordFlaw, (record: Record<string, unknown>) => unknown> = {
  idWord: (record) => ({ ...record, id: 'not-a-number' }),
  // JSON leaves out what is undefined.
  noId: (record) => ({ ...record, id: undefined }),
  nameNumber: (record) => ({ ...record, name: 12_345 }),
  customFieldsShape: (record) => ({ ...record, custom_fields_values: { PHONE: '+7 000' } }),
  nullRecord: () => null,
  nulCharacter: (record) => ({ ...record, name: 'before\u0000after' }),
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
