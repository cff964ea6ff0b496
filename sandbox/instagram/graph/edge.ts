import { readCursor, writeCursor } from '../cursor.ts'
import { take } from '../page.ts'
import { spoilRecords } from '../spoil.ts'
import { refuse } from './errors.ts'
import { type Field, parseFields } from './fields.ts'
import { type Node, project } from './project.ts'
import type { Visit } from './visit.ts'

/** A list under a node: `/{id}/media`, or `media{...}` among its fields. */
export type Edge<T> = {
  name: string
  /** Id of the node it belongs to. */
  owner: string
  /** Records a page where no limit is asked for, and the most that one gives. */
  usual: number
  most: number
  /** Whether places fall along the list: they do where the newest comes first. */
  falling: boolean
  after(place: number | null): Iterable<T>
  placeOf(record: T): number
  node(record: T): Node
  /** Fields told when none are asked for. */
  usualFields: string
  /** Whether the next page is offered. Default true. */
  pages?: boolean
}

export type Asked = {
  fields: readonly Field[]
  inner: string
  arg(name: string): string | undefined
}

export const askedByQuery = ({ params }: Visit): Asked => {
  const inner = params.get('fields') ?? ''
  return { fields: parseFields(inner), inner, arg: (name) => params.get(name) ?? undefined }
}

export const askedByField = ({ fields, inner, args }: Field): Asked => ({
  fields,
  inner,
  arg: (name) => args.get(name),
})

/** `links: false` inside discovery, where only `cursors.after` is to be relied on (A1). */
export function edgePage<T>(visit: Visit, edge: Edge<T>, asked: Asked, links = true) {
  const limit = limitOf(edge, asked.arg('limit'))
  const place = placeIn(edge, asked.arg('after'))
  const beforePlace = placeIn(edge, asked.arg('before'))
  const has = (kind: string) => visit.taken.some((fault) => fault.kind === kind)
  const cursor = (at: number | null) => writeCursor(`graph-${edge.name}`, edge.owner, at)
  const page = (cursors: Cursors) => pagingOf(visit, edge, asked, links, cursors)
  if (has('emptyPage')) return { data: [], ...page({ after: cursor(place) }) }

  const { records, hasMore } =
    beforePlace === null ? take(edge.after(place), limit) : lastBefore(edge, beforePlace, limit)
  const [first, last] = [records[0], records.at(-1)]
  if (first === undefined || last === undefined) return { data: [] }
  const fields = asked.fields.length > 0 ? asked.fields : parseFields(edge.usualFields)
  const told = records.map((record) => project(edge.node(record), fields))
  const repeated = has('repeatCursor') ? asked.arg('after') : undefined
  const onward = hasMore && edge.pages !== false ? cursor(edge.placeOf(last)) : undefined
  const after = repeated ?? onward
  const cursors: Cursors = {
    ...(place !== null && { before: cursor(edge.placeOf(first)) }),
    ...(after !== undefined && { after }),
  }
  return { data: spoilRecords(told, visit.taken), ...page(cursors) }
}

type Cursors = { before?: string; after?: string }

function limitOf<T>({ usual, most }: Edge<T>, text: string | undefined): number {
  if (text === undefined) return usual
  if (!/^\d{1,6}$/.test(text) || Number(text) === 0) {
    return refuse(100, undefined, '(#100) Param limit must be a positive integer')
  }
  return Math.min(most, Number(text))
}

function placeIn<T>({ name, owner }: Edge<T>, cursor: string | undefined): number | null {
  if (cursor === undefined || cursor === '') return null
  const place = readCursor(cursor, `graph-${name}`, owner)
  return place === undefined ? refuse(100, undefined, '(#100) Invalid cursor') : place
}

/** The nearest ones on the other side of a cursor. */
function lastBefore<T>(edge: Edge<T>, place: number, limit: number) {
  const records: T[] = []
  for (const record of edge.after(null)) {
    const at = edge.placeOf(record)
    if (edge.falling ? at <= place : at >= place) break
    records.push(record)
    if (records.length > limit) records.shift()
  }
  return { records, hasMore: true }
}

function pagingOf<T>(
  visit: Visit,
  { name, owner }: Edge<T>,
  asked: Asked,
  links: boolean,
  cursors: Cursors,
) {
  const href = (direction: string, cursor: string) => {
    const query = new URLSearchParams()
    if (asked.inner !== '') query.set('fields', asked.inner)
    for (const kept of ['limit', 'since', 'until']) {
      const value = asked.arg(kept)
      if (value !== undefined) query.set(kept, value)
    }
    // The real one hands the token back too, where it came in the address.
    const token = visit.params.get('access_token')
    if (token !== null) query.set('access_token', token)
    query.set(direction, cursor)
    return `${visit.versionUrl}/${owner}/${name}?${query.toString()}`
  }
  const { after, before } = cursors
  return {
    paging: {
      cursors,
      ...(links && after !== undefined && { next: href('after', after) }),
      ...(links && before !== undefined && { previous: href('before', before) }),
    },
  }
}
