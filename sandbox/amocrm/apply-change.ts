import { pick, type Random } from '../random.ts'
import type { Change } from './change-schema.ts'
import { inventContact, inventCompany } from './generate-world.ts'
import { inventNote } from './invent-notes.ts'
import type { Shelf, Shelved } from './shelf.ts'
import { type Entity, setCompany, type World } from './world.ts'
import { writeSet } from './write-set.ts'

/** What a change did, or why it could not. */
export type Applied = { op: Change['op']; id: number | null; into?: number; skipped?: string }

/** Makes one change. `clock` is unix seconds. */
export function applyChange(world: World, change: Change, random: Random, clock: number): Applied {
  const now = change.at ?? clock
  switch (change.op) {
    case 'insert':
      return insert(world, change, random, now)
    case 'note':
      return addNote(world, change, random, now)
    case 'update': {
      const entity = choose(world.live[change.entity], change.id, random)
      if (entity === undefined) return skipped(change)
      writeSet(world, entity, change.set, random)
      if (change.bump) world.live[entity.type].touch(entity, now)
      return { op: change.op, id: entity.id }
    }
    case 'delete': {
      const entity = choose(world.live[change.entity], change.id, random)
      if (entity === undefined) return skipped(change)
      bury(world, entity, change, now)
      return { op: change.op, id: entity.id }
    }
    case 'link':
    case 'unlink': {
      const contact = choose(world.live.contacts, change.id, random)
      const company =
        change.op === 'link' ? choose(world.live.companies, change.company_id, random) : null
      if (contact === undefined || company === undefined) return skipped(change)
      setCompany(world, contact, company?.id ?? null)
      if (change.bump) world.live.contacts.touch(contact, now)
      return { op: change.op, id: contact.id, ...(company !== null && { into: company.id }) }
    }
    case 'merge':
      return merge(world, change, random, now)
  }
  throw new Error('every operation is named above')
}

function insert(
  world: World,
  change: Extract<Change, { op: 'insert' }>,
  random: Random,
  now: number,
): Applied {
  const base = { id: world.nextId[change.entity]++, createdAt: now, updatedAt: now }
  const invent = change.entity === 'contacts' ? inventContact : inventCompany
  const entity = invent(random, base)
  world.live[change.entity].add(entity)
  const set = { ...change.set }
  if (change.entity === 'contacts' && set.company_id === undefined) {
    set.company_id = choose(world.live.companies, undefined, random)?.id ?? null
  }
  // An empty set means "change something"; a new record has been invented already.
  if (Object.keys(set).length > 0) writeSet(world, entity, set, random)
  return { op: 'insert', id: entity.id }
}

function addNote(
  world: World,
  change: Extract<Change, { op: 'note' }>,
  random: Random,
  now: number,
): Applied {
  const entity = choose(world.live[change.entity], change.set.entity_id, random)
  if (entity === undefined) return skipped(change)
  const note = inventNote(random, world.nextId.notes++, entity.id, now)
  note.noteType = change.set.note_type ?? note.noteType
  if ('params' in change.set) note.params = change.set.params
  world.notes[change.entity].add(note)
  return { op: 'note', id: note.id, into: entity.id }
}

function merge(
  world: World,
  change: Extract<Change, { op: 'merge' }>,
  random: Random,
  now: number,
): Applied {
  const entity = choose(world.live[change.entity], change.id, random)
  const into = choose(world.live[change.entity], change.into, random)
  if (entity === undefined || into === undefined || entity === into) return skipped(change)
  if (entity.fields !== null) {
    into.fields ??= { phones: [], emails: [], text: null, source: null }
    into.fields.phones.push(...entity.fields.phones)
    into.fields.emails.push(...entity.fields.emails)
  }
  for (const note of world.notes[change.entity].byId) {
    if (note.entityId === entity.id) note.entityId = into.id
  }
  for (const id of world.contactsOf.get(entity.id) ?? []) {
    const contact = world.live.contacts.get(id)
    if (contact !== undefined) setCompany(world, contact, into.id)
  }
  world.live[change.entity].touch(into, now)
  bury(world, entity, change, now)
  return { op: 'merge', id: entity.id, into: into.id }
}

/** Moves a record out of sight. Contacts of a deleted company have none from then on. */
function bury(
  world: World,
  entity: Entity,
  how: { bump: boolean; trace: boolean },
  now: number,
): void {
  world.live[entity.type].remove(entity)
  if (how.bump) entity.updatedAt = now
  if (how.trace) world.deleted[entity.type].add(entity)
  else world.gone.push(entity)

  // The deleted contact still names its company; the company no longer names it.
  if (entity.companyId !== null) world.contactsOf.get(entity.companyId)?.delete(entity.id)
  for (const id of world.contactsOf.get(entity.id) ?? []) {
    const contact = world.live.contacts.get(id)
    if (contact !== undefined) setCompany(world, contact, null)
  }
}

function choose<T extends Shelved>(
  shelf: Shelf<T>,
  id: number | undefined,
  random: Random,
): T | undefined {
  if (id !== undefined) return shelf.get(id)
  return shelf.byId.length === 0 ? undefined : pick(random, shelf.byId)
}

function skipped(change: Change): Applied {
  const id = 'id' in change ? (change.id ?? null) : null
  return { op: change.op, id, skipped: 'no such live record' }
}
