import { lastValue, type Param, parseQuery } from '../http/php-query.ts'
import type { FieldProblem } from '../http/problem.ts'
import { readWhole } from './filters.ts'

/** What every list takes: upstreams/amocrm.md, 2. */
export type ListRequest = {
  params: Param[]
  page: number
  limit: number
  order: { field: 'id' | 'updated_at'; descending: boolean }
  with: ReadonlySet<string>
  /** Full text, lower case; '' = everything. */
  query: string
  problems: FieldProblem[]
}

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 250

export function readListRequest(search: string): ListRequest {
  const params = parseQuery(search)
  const problems: FieldProblem[] = []
  return {
    params,
    page: readCount(params, 'page', 1, problems),
    // More than 250 is reported to be clamped, not refused.
    limit: Math.min(MAX_LIMIT, readCount(params, 'limit', DEFAULT_LIMIT, problems)),
    order: readOrder(params, problems),
    with: new Set((lastValue(params, 'with') ?? '').split(',')),
    query: (lastValue(params, 'query') ?? '').toLowerCase(),
    problems,
  }
}

function readCount(
  params: readonly Param[],
  name: string,
  otherwise: number,
  problems: FieldProblem[],
): number {
  const value = lastValue(params, name)
  if (value === undefined) return otherwise
  const before = problems.length
  const count = readWhole(value, name, problems)
  if (count === 0 && problems.length === before) {
    problems.push({ code: 'OutOfRange', path: name, detail: 'This value should be 1 or more.' })
  }
  return Math.max(1, count)
}

/** By id unless asked otherwise. Of several orders the first counts; nobody promised a second one. */
function readOrder(params: readonly Param[], problems: FieldProblem[]): ListRequest['order'] {
  const orders = params.filter(({ keys }) => keys[0] === 'order')
  for (const { keys, value } of orders) {
    const field = keys.slice(1).join('.')
    if (field !== 'id' && field !== 'updated_at') {
      problems.push(unsupported(`order.${field}`))
    } else if (value !== 'asc' && value !== 'desc') {
      problems.push(unsupported(`order.${field}`))
    }
  }
  const first = orders[0]
  return {
    field: first?.keys[1] === 'updated_at' ? 'updated_at' : 'id',
    descending: first?.value === 'desc',
  }
}

function unsupported(path: string): FieldProblem {
  const detail = 'The value you selected is not a valid choice.'
  return { code: 'NotSupportedChoice', path, detail }
}
