import { type Answer, HAL } from '../http/answer.ts'
import { problem } from '../http/problem.ts'
import { noSelection, noteFilters, readFilters } from './filters.ts'
import { listAnswer } from './list-answer.ts'
import { readListRequest } from './list-request.ts'
import { selectPage } from './select-page.ts'
import type { Visit } from './visit.ts'
import { noteJson } from './wire.ts'
import type { EntityType, Note } from './world.ts'

/** `GET /api/v4/contacts/notes`, or of one entity: upstreams/amocrm.md, 4. */
export function notesAnswer(visit: Visit, type: EntityType, entityId: number | null): Answer {
  const { world, ask, settings, quirks } = visit
  const request = readListRequest(ask.search)
  const filtered = settings.filtersEnabled && !quirks.has('ignoreFilter')
  const selection = filtered
    ? readFilters(request.params, noteFilters, request.problems)
    : noSelection<Note>()
  if (request.problems.length > 0) {
    return problem(400, 'Request validation failed', request.problems)
  }
  if (quirks.has('repeatPage')) request.page = Math.max(1, request.page - 1)
  if (entityId !== null) selection.tests.push((note) => note.entityId === entityId)

  const { records, hasMore } = selectPage(world.notes[type], selection, request)
  return listAnswer(
    'notes',
    records.map((note) => noteJson(note, type, ask.baseUrl)),
    `${ask.baseUrl}${ask.path}`,
    request,
    (hasMore || settings.phantomNext) && !quirks.has('noNext'),
  )
}

export function noteAnswer(
  { world, ask }: Visit,
  type: EntityType,
  entityId: number | null,
  id: number,
): Answer {
  const note = world.notes[type].get(id)
  if (note === undefined || (entityId !== null && note.entityId !== entityId)) {
    return { status: 204 }
  }
  return { status: 200, contentType: HAL, json: noteJson(note, type, ask.baseUrl), rows: 1 }
}
