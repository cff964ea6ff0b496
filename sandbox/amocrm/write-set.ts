import { between, type Random } from '../random.ts'
import type { EntitySet } from './change-schema.ts'
import { phoneText } from './names.ts'
import { type Entity, type Fields, setCompany, type World } from './world.ts'

/** Writes what is given; with nothing given, changes the name and a phone, so that it shows. */
export function writeSet(world: World, entity: Entity, set: EntitySet, random: Random): void {
  if (Object.keys(set).length === 0) {
    entity.name = `${entity.name.replace(/ v\d+$/, '')} v${between(random, 1, 99_999)}`
    fieldsOf(entity).phones = [{ code: 'MOB', text: phoneText(random) }]
    return
  }
  entity.name = set.name ?? entity.name
  entity.firstName = set.first_name ?? entity.firstName
  entity.lastName = set.last_name ?? entity.lastName
  entity.responsibleUserId = set.responsible_user_id ?? entity.responsibleUserId
  if (set.closest_task_at !== undefined) entity.closestTaskAt = set.closest_task_at
  if (set.phones !== undefined) fieldsOf(entity).phones = asWork(set.phones)
  if (set.emails !== undefined) fieldsOf(entity).emails = asWork(set.emails)
  if (set.no_fields === true) entity.fields = null
  if (set.company_id !== undefined && entity.type === 'contacts') {
    setCompany(world, entity, set.company_id)
  }
}

function fieldsOf(entity: Entity): Fields {
  entity.fields ??= { phones: [], emails: [], text: null, source: null }
  return entity.fields
}

function asWork(texts: readonly string[]) {
  return texts.map((text) => ({ code: 'WORK', text }))
}
