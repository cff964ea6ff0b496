import type { Transaction } from 'kysely'
import type { Db } from '../../../db/connect.ts'
import type { DB } from '../../../db/schema.generated.ts'
import { linkContacts, markCompaniesGone } from '../../load/companies.ts'
import { markMissing } from '../../load/mark-contacts.ts'
import { eachPage, type Operation, type WrittenPage } from '../../stream.ts'
import type { CompanyRow } from '../../transform/amocrm.ts'
import type { ContactRow } from '../../transform/amocrm-contact.ts'
import type { NoteRow } from '../../transform/amocrm-note.ts'
import { type IdCursor, recordsById } from './by-id.ts'
import { type DeletedCursor, deletedContacts } from './deleted-contacts.ts'
import { companies, contacts, deleted, notes } from './entities.ts'
import { type NotesCursor, notesOfMany, notesOfOne } from './notes.ts'
import { numberedPage, type PagesCursor } from './pages.ts'
import { readByTime } from './read-by-time.ts'
import { pageUntilMet, type UntilMetCursor } from './until-met.ts'
import type { Amocrm } from './upstream.ts'

const service = 'amocrm' as const
const withContacts = ['with=contacts']

export interface CrmOperationOptions {
  db: Db
  crm: Amocrm
  readingSince: Date
  /** How many streams are read side by side, at most. */
  parallel: number
  /** Keeps what was met, so that what was not can be looked for. */
  met: (
    trx: Transaction<DB>,
    entity: 'contacts' | 'companies',
    page: Pick<WrittenPage<unknown>, 'ids'>,
  ) => Promise<void>
}

/** How amoCRM is asked: each operation with its cursor, its page and where that goes. */
export function crmOperations(options: CrmOperationOptions) {
  const { db, crm, met } = options
  const crmWithContacts: Amocrm = {
    ...crm,
    list: (path, query, tools) => crm.list(path, [...withContacts, ...query], tools),
  }
  return {
    contactsByTime: readByTime(options, {
      operation: 'contacts',
      path: 'contacts',
      entity: contacts,
      alsoWrite: eachPage((trx, page) => met(trx, 'contacts', page)),
    }),
    notesByTime: readByTime(options, { operation: 'notes', path: 'contacts/notes', entity: notes }),

    contactPages: {
      service,
      operation: 'contacts.pages',
      entity: contacts,
      extract: (cursor, tools) => numberedPage(crm, 'contacts', cursor, tools),
      alsoWrite: eachPage((trx, page) => met(trx, 'contacts', page)),
    } satisfies Operation<PagesCursor, ContactRow>,

    notePages: {
      service,
      operation: 'notes.pages',
      entity: notes,
      extract: (cursor, tools) => numberedPage(crm, 'contacts/notes', cursor, tools),
    } satisfies Operation<PagesCursor, NoteRow>,

    /** Without filters, each id is a request of its own. */
    contactsById: (filters: boolean): Operation<IdCursor, ContactRow> => ({
      service,
      operation: filters ? 'contacts.by-id' : 'contacts.one',
      entity: contacts,
      extract: (cursor, tools) =>
        recordsById({ db, crm, path: 'contacts', filters }, cursor, tools),
      alsoWrite: eachPage((trx, page) => markMissing(trx, page.absent, page.serviceCallId)),
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
      alsoWrite: eachPage(async (trx, { rows, absent, serviceCallId }) => {
        await linkContacts(trx, rows, serviceCallId)
        await markCompaniesGone(trx, absent, serviceCallId)
      }),
    }),

    companiesUntilMet: {
      service,
      operation: 'companies.until-met',
      entity: companies,
      extract: (cursor, tools) => pageUntilMet(crm, 'companies', cursor, tools, withContacts),
      alsoWrite: eachPage((trx, page) => linkContacts(trx, page.rows, page.serviceCallId)),
    } satisfies Operation<UntilMetCursor, CompanyRow>,

    /** All companies; `links`: with what they say of their contacts, which is otherwise left to these. */
    companyPages: (links: boolean): Operation<PagesCursor, CompanyRow> => ({
      service,
      operation: links ? 'companies.links' : 'companies',
      entity: companies,
      extract: (cursor, tools) => numberedPage(crm, 'companies', cursor, tools, withContacts),
      alsoWrite: eachPage(async (trx, page) => {
        await met(trx, 'companies', page)
        if (links) await linkContacts(trx, page.rows, page.serviceCallId)
      }),
    }),

    // What they say of their contacts is kept, and counts when all are read: until then contacts tell it themselves.
    companiesByTime: readByTime(
      { ...options, crm: crmWithContacts },
      { operation: 'companies.changes', path: 'companies', entity: companies },
    ),
    companyChangePages: {
      service,
      operation: 'companies.changes-pages',
      entity: companies,
      extract: (cursor, tools) => numberedPage(crmWithContacts, 'companies', cursor, tools),
    } satisfies Operation<PagesCursor, CompanyRow>,

    notesOfMany: {
      service,
      operation: 'notes.of-contacts',
      entity: notes,
      extract: (cursor, tools) =>
        notesOfMany({ db, crm, operation: 'notes.of-contacts' }, cursor, tools),
    } satisfies Operation<NotesCursor, NoteRow>,

    notesOfOne: {
      service,
      operation: 'notes.of-contact',
      entity: notes,
      extract: (cursor, tools) => notesOfOne(crm, cursor, tools),
    } satisfies Operation<NotesCursor, NoteRow>,
  }
}
