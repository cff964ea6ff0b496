import { loadCompanies } from '../../load/companies.ts'
import { loadContacts } from '../../load/contacts.ts'
import { loadNotes } from '../../load/contact-notes.ts'
import { markDeleted } from '../../load/mark-contacts.ts'
import type { Entity } from '../../stream.ts'
import { amocrmId, type CompanyRow, toCompany, withoutLinks } from '../../transform/amocrm.ts'
import { type ContactRow, toContact } from '../../transform/amocrm-contact.ts'
import { type NoteRow, toNote } from '../../transform/amocrm-note.ts'

export const contacts: Entity<ContactRow> = {
  source: 'amocrm',
  entity: 'contacts',
  idOf: amocrmId,
  contentOf: withoutLinks,
  transform: toContact,
  load: loadContacts,
}
/** Kept apart from `contacts`: their payloads are what is left of them. */
export const deleted: Entity<ContactRow> = {
  ...contacts,
  entity: 'deleted_contacts',
  load: markDeleted,
}
export const companies: Entity<CompanyRow> = {
  source: 'amocrm',
  entity: 'companies',
  idOf: amocrmId,
  contentOf: withoutLinks,
  transform: toCompany,
  load: loadCompanies,
}
export const notes: Entity<NoteRow> = {
  source: 'amocrm',
  entity: 'contact_notes',
  idOf: amocrmId,
  contentOf: withoutLinks,
  transform: toNote,
  load: loadNotes,
}
