import { type Answer, HAL } from '../http/answer.ts'
import { buildQuery, type Param } from '../http/php-query.ts'
import type { ListRequest } from './list-request.ts'

/** The address of a page of the same list. */
export function pageHref(address: string, params: readonly Param[], page: number, limit: number) {
  const others = params.filter(({ keys }) => keys[0] !== 'page' && keys[0] !== 'limit')
  const paging = [
    { keys: ['page'], value: String(page) },
    { keys: ['limit'], value: String(limit) },
  ]
  return { href: `${address}?${buildQuery([...others, ...paging])}` }
}

/** 204 without a body for an empty page, else the page with its links: upstreams/amocrm.md, 3. */
export function listAnswer(
  name: string,
  records: readonly unknown[],
  address: string,
  request: ListRequest,
  hasNext: boolean,
): Answer {
  if (records.length === 0) return { status: 204 }
  const { page, limit, params } = request
  const at = (other: number) => pageHref(address, params, other, limit)
  const body = {
    _page: page,
    _links: {
      self: at(page),
      ...(hasNext && { next: at(page + 1) }),
      ...(page > 1 && { first: at(1), prev: at(page - 1) }),
    },
    _embedded: { [name]: records },
  }
  return { status: 200, contentType: HAL, json: body, rows: records.length }
}
