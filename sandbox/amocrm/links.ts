import { type Answer, HAL } from '../http/answer.ts'
import { lastValue, listValues, type Param, parseQuery } from '../http/php-query.ts'
import { type FieldProblem, problem } from '../http/problem.ts'
import { scrambled } from '../random.ts'
import { readWhole } from './filters.ts'
import { pageHref } from './list-answer.ts'
import type { Visit } from './visit.ts'
import { leadIds } from './wire.ts'
import type { Entity, EntityType, World } from './world.ts'

type LinkRow = {
  entity_id?: number
  entity_type?: EntityType
  to_entity_id: number
  to_entity_type: 'contacts' | 'companies' | 'leads' | 'catalog_elements'
  metadata: { quantity: number; catalog_id: number; price_id: null } | null
}

/** `GET /api/v4/companies/links`: the entities must be named (upstreams/amocrm.md, 2). */
export function linksAnswer(visit: Visit, type: EntityType): Answer {
  const { world, ask } = visit
  const params = parseQuery(ask.search)
  const problems: FieldProblem[] = []
  const ids = listValues(params, 'filter', 'entity_id').map((id) =>
    readWhole(id, 'filter.entity_id', problems),
  )
  if (ids.length === 0) {
    const detail = 'This value should not be blank.'
    problems.push({ code: 'NotBlank', path: 'filter.entity_id', detail })
  }
  if (problems.length > 0) return problem(400, 'Request validation failed', problems)

  const rows = [...new Set(ids)].flatMap((id) =>
    linksOf(world, type, id).map((row) => ({ entity_id: id, entity_type: type, ...row })),
  )
  return rowsAnswer(visit, params, rows)
}

/** `GET /api/v4/companies/{id}/links`; its rows don't repeat the entity. */
export function linksOfOneAnswer(visit: Visit, type: EntityType, id: number): Answer {
  return rowsAnswer(visit, parseQuery(visit.ask.search), linksOf(visit.world, type, id))
}

function rowsAnswer({ ask, settings }: Visit, params: Param[], all: LinkRow[]): Answer {
  const rows = all.filter(pairFilter(params))
  if (rows.length === 0) return { status: 204 }
  const told = rows.slice(0, settings.linksMaxRows ?? rows.length)
  const body = {
    _total_items: rows.length,
    _links: { self: pageHref(`${ask.baseUrl}${ask.path}`, params, 1, 250) },
    _embedded: { links: told },
  }
  return { status: 200, contentType: HAL, json: body, rows: told.length }
}

/** The target's id and type work as a pair only; one alone is ignored (upstreams/amocrm.md, 2). */
function pairFilter(params: readonly Param[]): (row: LinkRow) => boolean {
  const id = lastValue(params, 'filter', 'to_entity_id')
  const type = lastValue(params, 'filter', 'to_entity_type')
  if (id === undefined || type === undefined) return () => true
  return (row) => String(row.to_entity_id) === id && row.to_entity_type === type
}

function linksOf(world: World, type: EntityType, id: number): LinkRow[] {
  const entity = world.live[type].get(id)
  if (entity === undefined) return []
  return type === 'contacts' ? contactLinks(entity) : companyLinks(world, entity)
}

function contactLinks({ id, companyId }: Entity): LinkRow[] {
  const rows: LinkRow[] = []
  if (companyId !== null) {
    rows.push({ to_entity_id: companyId, to_entity_type: 'companies', metadata: null })
  }
  if (scrambled(id) % 10 === 0) {
    rows.push({
      to_entity_id: 3_000_000 + id,
      to_entity_type: 'catalog_elements',
      metadata: { quantity: 1, catalog_id: 5001, price_id: null },
    })
  }
  return rows
}

/** Leads stand first: a client that does not look at the type takes them for contacts. */
function companyLinks(world: World, company: Entity): LinkRow[] {
  const leads = leadIds(company).map(
    (id): LinkRow => ({ to_entity_id: id, to_entity_type: 'leads', metadata: null }),
  )
  const contacts = [...(world.contactsOf.get(company.id) ?? [])].map(
    (id): LinkRow => ({ to_entity_id: id, to_entity_type: 'contacts', metadata: null }),
  )
  return [...leads, ...contacts]
}
