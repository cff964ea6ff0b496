import { scrambled } from '../random.ts'
import { customFields } from './custom-fields.ts'
import { ACCOUNT_ID, type Entity, type Note, type World } from './world.ts'

const tagNames = [
  'vip',
  'Горячий',
  'холодный',
  '2024',
  'expo',
  'b2b',
  'опт',
  'new',
  '🔥',
  'drop',
] as const

type Link = { id: number; _links: { self: { href: string } } }

function link(baseUrl: string, type: string, id: number): Link {
  return { id, _links: selfLink(baseUrl, type, id) }
}

function selfLink(baseUrl: string, type: string, id: number) {
  return { self: { href: `${baseUrl}/api/v4/${type}/${id}` } }
}

/** A contact or company as the API tells it: upstreams/amocrm.md, 3. */
export function entityJson(
  world: World,
  entity: Entity,
  baseUrl: string,
  isDeleted: boolean,
  extra: ReadonlySet<string>,
) {
  return {
    id: entity.id,
    name: entity.name,
    ...(entity.type === 'contacts' && {
      first_name: entity.firstName,
      last_name: entity.lastName,
    }),
    responsible_user_id: entity.responsibleUserId,
    group_id: 0,
    created_by: entity.createdBy,
    updated_by: entity.updatedBy,
    created_at: entity.createdAt,
    updated_at: entity.updatedAt,
    closest_task_at: entity.closestTaskAt,
    is_deleted: isDeleted,
    is_unsorted: false,
    custom_fields_values: customFields(entity),
    account_id: ACCOUNT_ID,
    _links: selfLink(baseUrl, entity.type, entity.id),
    _embedded: embedded(world, entity, baseUrl, extra),
  }
}

function embedded(world: World, entity: Entity, baseUrl: string, extra: ReadonlySet<string>) {
  const { companyId } = entity
  const tags = entity.tags.map((tag) => ({ id: 4001 + tag, name: tagNames[tag], color: null }))
  const memberIds = world.contactsOf.get(entity.id) ?? []
  return {
    tags,
    ...(entity.type === 'contacts' && {
      companies: companyId === null ? [] : [link(baseUrl, 'companies', companyId)],
    }),
    ...(entity.type === 'companies' &&
      extra.has('contacts') && {
        contacts: [...memberIds].map((id) => link(baseUrl, 'contacts', id)),
      }),
    ...(extra.has('leads') && {
      leads: leadIds(entity).map((id) => link(baseUrl, 'leads', id)),
    }),
    ...(extra.has('customers') && { customers: [] }),
    ...(extra.has('catalog_elements') && { catalog_elements: [] }),
  }
}

/** Leads are not simulated; their ids turn up in links, so that a client has to tell types apart. */
export function leadIds(entity: Entity): number[] {
  return Array.from({ length: scrambled(entity.id) % 3 }, (_, n) => 9_000_001 + entity.id * 3 + n)
}

/** upstreams/amocrm.md, 4. */
export function noteJson(note: Note, type: string, baseUrl: string) {
  return {
    id: note.id,
    entity_id: note.entityId,
    created_by: note.createdBy,
    updated_by: note.createdBy,
    created_at: note.createdAt,
    updated_at: note.updatedAt,
    responsible_user_id: note.createdBy,
    group_id: 0,
    note_type: note.noteType,
    // undefined is left out by JSON.stringify: params may be missing.
    params: note.params,
    account_id: ACCOUNT_ID,
    is_pinned: false,
    _links: { self: { href: `${baseUrl}/api/v4/${type}/${note.entityId}/notes/${note.id}` } },
  }
}
