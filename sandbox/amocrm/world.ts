import type { Shelf } from './shelf.ts'

export type EntityType = 'contacts' | 'companies'

/** One value of a phone or e-mail field: upstreams/amocrm.md, 3 (multitext). */
export type MultiText = { code: string; text: string }

export type Fields = {
  phones: MultiText[]
  emails: MultiText[]
  /** A contact's position, a company's site; null = not filled in. */
  text: string | null
  /** Where the client came from: a select field without a code. */
  source: string | null
}

/** A contact or a company. Times are unix seconds. */
export type Entity = {
  readonly type: EntityType
  readonly id: number
  name: string
  firstName: string
  lastName: string
  responsibleUserId: number
  createdBy: number
  updatedBy: number
  readonly createdAt: number
  updatedAt: number
  closestTaskAt: number | null
  /** Positions in the list of tags. */
  tags: number[]
  /** null is told as `custom_fields_values: null`. */
  fields: Fields | null
  /** The company of a contact: it has at most one. Always null for a company. */
  companyId: number | null
}

export type Note = {
  readonly id: number
  entityId: number
  noteType: string
  /** undefined = the key is missing from the answer. */
  params: unknown
  createdBy: number
  readonly createdAt: number
  updatedAt: number
}

export type World = {
  live: Record<EntityType, Shelf<Entity>>
  /** Listed with `with=only_deleted`, and nowhere else. */
  deleted: Record<EntityType, Shelf<Entity>>
  /** Deleted without a trace: only the state tells of them. */
  gone: Entity[]
  notes: Record<EntityType, Shelf<Note>>
  /** Ids of the live contacts of each company that has any. */
  contactsOf: Map<number, Set<number>>
  /** The next free id of each. */
  nextId: { contacts: number; companies: number; notes: number }
}

export const FIRST_CONTACT_ID = 5_100_017
export const FIRST_COMPANY_ID = 7_200_003
export const FIRST_NOTE_ID = 880_001
export const ACCOUNT_ID = 3_300_001
export const USER_IDS = [901, 902, 903, 907, 911, 918, 925, 940] as const

/** Keeps both ends of the link between a contact and a company; touches no time. */
export function setCompany(world: World, contact: Entity, companyId: number | null): void {
  if (contact.companyId !== null) world.contactsOf.get(contact.companyId)?.delete(contact.id)
  contact.companyId = companyId
  if (companyId === null) return
  const members = world.contactsOf.get(companyId) ?? new Set()
  world.contactsOf.set(companyId, members.add(contact.id))
}
