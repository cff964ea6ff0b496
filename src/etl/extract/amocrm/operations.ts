import type { Transaction } from 'kysely'
import type { Db } from '../../../db/connect.ts'
import type { DB } from '../../../db/schema.generated.ts'
import {
  loadCompanies,
  loadContacts,
  loadNotes,
  markCompaniesGone,
  markDeleted,
  markMissing,
} from '../../load/crm.ts'
import type { Entity, Operation, WrittenPage } from '../../stream.ts'
import {
  amocrmId,
  type CompanyRow,
  type ContactRow,
  type NoteRow,
  toCompany,
  toContact,
  toNote,
  withoutLinks,
} from '../../transform/amocrm.ts'
import { type IdCursor, recordsById } from './by-id.ts'
import { contactsByTime, splitTime, type TimeCursor } from './contacts-by-time.ts'
import { type DeletedCursor, deletedContacts } from './deleted-contacts.ts'
import { contactNotes, type NotesCursor } from './notes.ts'
import { numberedPage, type PagesCursor } from './pages.ts'
import { pageUntilMet, type UntilMetCursor } from './until-met.ts'
import { type Amocrm, pageSize } from './upstream.ts'

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

const withContacts = ['with=contacts']

export interface CrmOperationOptions {
  db: Db
  crm: Amocrm
  readingSince: Date
  /** More to write with a page of contacts: what a full read has met. */
  alsoWithContacts?: (trx: Transaction<DB>, page: WrittenPage<ContactRow>) => Promise<void>
}

/** How amoCRM is asked: each operation with its cursor, its page and where that goes. */
export function crmOperations({
  db,
  crm,
  readingSince,
  alsoWithContacts = async () => {},
}: CrmOperationOptions) {
  const service = 'amocrm' as const
  return {
    contactsByTime: {
      service,
      operation: 'contacts',
      entity: contacts,
      extract: (cursor, tools) => contactsByTime({ db, crm, readingSince }, cursor, tools),
      split: (page, lanes) => splitTime('contacts', page, lanes),
      alsoWrite: alsoWithContacts,
    } satisfies Operation<TimeCursor, ContactRow>,

    contactPages: {
      service,
      operation: 'contacts.pages',
      entity: contacts,
      extract: (cursor, tools) => numberedPage(crm, 'contacts', cursor, tools),
      alsoWrite: alsoWithContacts,
    } satisfies Operation<PagesCursor, ContactRow>,

    /** Without filters, each id is a request of its own. */
    contactsById: (filters: boolean): Operation<IdCursor, ContactRow> => ({
      service,
      operation: filters ? 'contacts.by-id' : 'contacts.one',
      entity: contacts,
      extract: (cursor, tools) =>
        recordsById({ db, crm, path: 'contacts', filters }, cursor, tools),
      alsoWrite: (trx, { absent, serviceCallId }) => markMissing(trx, absent, serviceCallId),
    }),

    contactsUntilMet: {
      service,
      operation: 'contacts.until-met',
      entity: contacts,
      extract: (cursor, tools) => pageUntilMet(crm, 'contacts', cursor, tools),
    } satisfies Operation<UntilMetCursor, ContactRow>,

    contactsDeleted: {
      service,
      operation: 'contacts.deleted',
      entity: deleted,
      extract: (cursor, tools) => deletedContacts({ db, crm }, cursor, tools),
    } satisfies Operation<DeletedCursor, ContactRow>,

    companiesById: (filters: boolean): Operation<IdCursor, CompanyRow> => ({
      service,
      operation: filters ? 'companies.by-id' : 'companies.one',
      entity: companies,
      extract: (cursor, tools) =>
        recordsById({ db, crm, path: 'companies', filters, query: withContacts }, cursor, tools),
      alsoWrite: (trx, { absent, serviceCallId }) => markCompaniesGone(trx, absent, serviceCallId),
    }),

    companiesUntilMet: {
      service,
      operation: 'companies.until-met',
      entity: companies,
      extract: (cursor, tools) => pageUntilMet(crm, 'companies', cursor, tools, withContacts),
    } satisfies Operation<UntilMetCursor, CompanyRow>,

    companyPages: {
      service,
      operation: 'companies.pages',
      entity: companies,
      // Upwards: a company that slips by when another is deleted is met the next time.
      async extract({ page }, tools) {
        const query = [...withContacts, 'order[id]=asc', `limit=${pageSize}`, `page=${page}`]
        const { records, hasNext } = await crm.list('companies', query, tools)
        return { records, next: hasNext ? { page: page + 1 } : null }
      },
    } satisfies Operation<{ page: number }, CompanyRow>,

    notes: {
      service,
      operation: 'notes',
      entity: notes,
      extract: (cursor, tools) => contactNotes({ db, crm, operation: 'notes' }, cursor, tools),
    } satisfies Operation<NotesCursor, NoteRow>,
  }
}
