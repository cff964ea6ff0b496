import { type Answer, HAL } from '../http/answer.ts'
import { lastValue, parseQuery } from '../http/php-query.ts'
import { problem } from '../http/problem.ts'
import { customFields } from './custom-fields.ts'
import { entityFilters, noSelection, readCustomFieldFilters, readFilters } from './filters.ts'
import { listAnswer } from './list-answer.ts'
import { type ListRequest, readListRequest } from './list-request.ts'
import { selectPage } from './select-page.ts'
import type { Visit } from './visit.ts'
import { entityJson } from './wire.ts'
import type { Entity, EntityType } from './world.ts'

/** `GET /api/v4/contacts` and `/companies`: upstreams/amocrm.md, 2. */
export function entitiesAnswer(visit: Visit, type: EntityType): Answer {
  const { world, ask, quirks, settings } = visit
  const request = readListRequest(ask.search)
  const selection = readSelection(visit, request)
  if (request.problems.length > 0) {
    return problem(400, 'Request validation failed', request.problems)
  }
  if (quirks.has('repeatPage')) request.page = Math.max(1, request.page - 1)

  const isDeleted = request.with.has('only_deleted')
  const shelf = isDeleted ? world.deleted[type] : world.live[type]
  const { records, hasMore } = selectPage(shelf, selection, request)
  return listAnswer(
    type,
    records.map((entity) => entityJson(world, entity, ask.baseUrl, isDeleted, request.with)),
    `${ask.baseUrl}${ask.path}`,
    request,
    (hasMore || settings.phantomNext) && !quirks.has('noNext'),
  )
}

/** With filtering off, all filters are ignored, nonsense too; full text is no filter. */
function readSelection({ settings, quirks }: Visit, { params, problems, query }: ListRequest) {
  const filtered = settings.filtersEnabled && !quirks.has('ignoreFilter')
  const selection = filtered ? readFilters(params, entityFilters, problems) : noSelection<Entity>()
  if (filtered) readCustomFieldFilters(params, selection)
  if (query !== '') selection.tests.push((entity) => filledIn(entity).includes(query))
  return selection
}

function filledIn(entity: Entity): string {
  const values = (customFields(entity) ?? []).flatMap((field) => field.values)
  return [entity.name, ...values.map(({ value }) => value)].join('\n').toLowerCase()
}

/** 204 for an id that is unknown or deleted; a deleted one is told with `with=only_deleted`. */
export function entityAnswer({ world, ask }: Visit, type: EntityType, id: number): Answer {
  const extra = new Set((lastValue(parseQuery(ask.search), 'with') ?? '').split(','))
  const isDeleted = extra.has('only_deleted')
  const entity = (isDeleted ? world.deleted : world.live)[type].get(id)
  if (entity === undefined) return { status: 204 }
  const body = entityJson(world, entity, ask.baseUrl, isDeleted, extra)
  return { status: 200, contentType: HAL, json: body, rows: 1 }
}
