import { listValues, lastValue, type Param } from '../http/php-query.ts'
import type { FieldProblem } from '../http/problem.ts'
import { type CustomField, customFields } from './custom-fields.ts'
import type { Entity, Note } from './world.ts'

/** What a list is narrowed to. The ids and times are also tests; they let the list look up less. */
export type Selection<T> = {
  ids: ReadonlySet<number> | null
  updatedFrom: number | null
  /** Included. */
  updatedTo: number | null
  tests: ((record: T) => boolean)[]
}

/** How `filter[<name>]` is read: numbers and texts as lists, times as one moment or from/to. */
export type Filterable<T> = {
  name: string
  kind: 'numbers' | 'texts' | 'times'
  read: (record: T) => number | string | null
}

/** upstreams/amocrm.md, 2. */
export const entityFilters: readonly Filterable<Entity>[] = [
  { name: 'id', kind: 'numbers', read: (entity) => entity.id },
  { name: 'name', kind: 'texts', read: (entity) => entity.name },
  { name: 'created_by', kind: 'numbers', read: (entity) => entity.createdBy },
  { name: 'updated_by', kind: 'numbers', read: (entity) => entity.updatedBy },
  { name: 'responsible_user_id', kind: 'numbers', read: (entity) => entity.responsibleUserId },
  { name: 'created_at', kind: 'times', read: (entity) => entity.createdAt },
  { name: 'updated_at', kind: 'times', read: (entity) => entity.updatedAt },
  { name: 'closest_task_at', kind: 'times', read: (entity) => entity.closestTaskAt },
]

/** upstreams/amocrm.md, 4. */
export const noteFilters: readonly Filterable<Note>[] = [
  { name: 'id', kind: 'numbers', read: (note) => note.id },
  { name: 'entity_id', kind: 'numbers', read: (note) => note.entityId },
  { name: 'note_type', kind: 'texts', read: (note) => note.noteType },
  { name: 'updated_at', kind: 'times', read: (note) => note.updatedAt },
]

export function noSelection<T>(): Selection<T> {
  return { ids: null, updatedFrom: null, updatedTo: null, tests: [] }
}

/** Reads the filters it knows and ignores the rest, as `filter[company_id]`, without a word. */
export function readFilters<T>(
  params: readonly Param[],
  filterable: readonly Filterable<T>[],
  problems: FieldProblem[],
): Selection<T> {
  const selection = noSelection<T>()
  for (const filter of filterable) {
    if (filter.kind === 'times') readTimes(params, filter, selection, problems)
    else readValues(params, filter, selection, problems)
  }
  return selection
}

function readValues<T>(
  params: readonly Param[],
  { name, kind, read }: Filterable<T>,
  selection: Selection<T>,
  problems: FieldProblem[],
) {
  const values = listValues(params, 'filter', name)
  if (values.length === 0) return
  if (kind === 'texts') {
    const wanted = new Set<unknown>(values)
    selection.tests.push((record) => wanted.has(read(record)))
    return
  }
  const numbers = values.map((value) => readWhole(value, `filter.${name}`, problems))
  const wanted = new Set<unknown>(numbers)
  if (name === 'id') selection.ids = new Set(numbers)
  selection.tests.push((record) => wanted.has(read(record)))
}

function readTimes<T>(
  params: readonly Param[],
  { name, read }: Filterable<T>,
  selection: Selection<T>,
  problems: FieldProblem[],
) {
  const at = (key: string, ...keys: string[]) => {
    const value = lastValue(params, 'filter', name, ...keys)
    return value === undefined ? null : readWhole(value, `filter.${name}${key}`, problems)
  }
  const exact = at('')
  const from = exact ?? at('.from', 'from')
  const to = exact ?? at('.to', 'to')
  if (from === null && to === null) return
  if (name === 'updated_at') {
    selection.updatedFrom = from
    selection.updatedTo = to
  }
  selection.tests.push((record) => {
    const time = read(record)
    if (typeof time !== 'number') return false
    return (from === null || time >= from) && (to === null || time <= to)
  })
}

/** `filter[custom_fields_values][71001][]=…`, or from/to where the values are numbers. */
export function readCustomFieldFilters(params: readonly Param[], selection: Selection<Entity>) {
  const named = params.filter(
    ({ keys }) => keys[0] === 'filter' && keys[1] === 'custom_fields_values',
  )
  for (const id of new Set(named.map(({ keys }) => keys[2] ?? ''))) {
    const path = ['filter', 'custom_fields_values', id] as const
    const wanted = new Set(listValues(params, ...path))
    const from = Number(lastValue(params, ...path, 'from') ?? Number.NEGATIVE_INFINITY)
    const to = Number(lastValue(params, ...path, 'to') ?? Number.POSITIVE_INFINITY)
    const fits = ({ value }: CustomField['values'][number]) =>
      wanted.size > 0 ? wanted.has(value) : Number(value) >= from && Number(value) <= to
    selection.tests.push((entity) =>
      (customFields(entity) ?? []).some(
        (field) => String(field.field_id) === id && field.values.some(fits),
      ),
    )
  }
}

/** Notes the problem and goes on with 0, so that one answer names everything that is wrong. */
export function readWhole(value: string, path: string, problems: FieldProblem[]): number {
  if (/^\d{1,15}$/.test(value)) return Number(value)
  problems.push({ code: 'InvalidType', path, detail: 'This value should be of type int.' })
  return 0
}
