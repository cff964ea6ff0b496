import { sql } from 'kysely'
import { hasSkipped } from '../db/service-calls.ts'
import { noteRead, readRecently } from '../db/subject-reads.ts'
import { getWatermark, moveWatermark } from '../db/watermarks.ts'
import { type IdCursor, idSeeds } from '../etl/extract/amocrm/by-id.ts'
import { timeSeed } from '../etl/extract/amocrm/contacts-by-time.ts'
import { askForFilters, knownFilters } from '../etl/extract/amocrm/filters.ts'
import { type NotesCursor, notesOf } from '../etl/extract/amocrm/notes.ts'
import { crmOperations } from '../etl/extract/amocrm/operations.ts'
import { allPages, pagesSince } from '../etl/extract/amocrm/pages.ts'
import { untilMetSeeds } from '../etl/extract/amocrm/until-met.ts'
import { openAmocrm } from '../etl/extract/amocrm/upstream.ts'
import type { Operation } from '../etl/stream.ts'
import type { CrmContactsParams } from './crm-contacts.ts'
import type { Run } from './job.ts'

const service = 'amocrm' as const
/** Enough to keep 7 requests a second under way at half a second an answer. */
const parallel = 4
const unixSeconds = (at: Date) => Math.floor(at.getTime() / 1000)

export type CrmSteps = Awaited<ReturnType<typeof openCrmSteps>>

/** The steps of `crm-contacts`. Each reads with filters where the account has them, and in order where not. */
export async function openCrmSteps(run: Run<CrmContactsParams>) {
  const { db, call } = run
  const crm = openAmocrm(run.http, run.settings)
  const watermarkOf = (operation: string) => ({
    job: call.job,
    service,
    operation,
    subject: crm.account,
  })
  const met = async (ids: readonly string[], trx: typeof db) => {
    if (!run.params.full || ids.length === 0) return
    const rows = ids.map((external_id) => ({
      job_call_id: call.id,
      entity: 'contacts',
      external_id,
    }))
    await trx
      .insertInto('ledger.records_met')
      .values(rows)
      .onConflict((on) => on.doNothing())
      .execute()
  }
  const ask = crmOperations({
    db,
    crm,
    readingSince: run.readingSince,
    alsoWithContacts: (trx, { ids }) => met(ids, trx),
  })

  let filters = await filtersWork()
  async function filtersWork(): Promise<boolean> {
    const known = await knownFilters(db, crm)
    if (known !== undefined) return known
    await run.streams(askForFilters(crm), [{ subject: `attempt ${call.attempt}`, cursor: {} }])
    return (await knownFilters(db, crm)) ?? false
  }

  /** Reads with filters; where they are off, or turn out to be ignored, in the other way. */
  async function filtered(
    operation: string,
    read: () => Promise<void>,
    otherwise: () => Promise<void>,
  ) {
    if (filters) {
      await read()
      filters = !(await hasSkipped(db, call.id, service, operation))
    }
    if (!filters) await otherwise()
  }

  /** A last stream whose end moves the watermark: all others before it are done by then. */
  const movingWatermark = <Cursor, Row>(
    operation: Operation<Cursor, Row>,
    name: string,
    value: Date,
  ): Operation<Cursor, Row> => ({
    ...operation,
    async alsoWrite(trx, page) {
      await operation.alsoWrite?.(trx, page)
      if (page.done) await moveWatermark(trx, watermarkOf(name), value, call.id)
    },
  })

  return {
    get filters() {
      return filters
    },
    watermark: (name: 'contacts' | 'notes') => getWatermark(db, watermarkOf(name)),

    /** Everything up to a moment, by ranges side by side. */
    async contactsUntil(moment: Date) {
      await filtered(
        'contacts',
        () => run.streams(ask.contactsByTime, [timeSeed(0, unixSeconds(moment))], { parallel }),
        () => run.streams(ask.contactPages, [{ subject: 'all', cursor: allPages }]),
      )
    },

    /** Everything that changed since, until now. */
    async contactsSince(moment: Date, watermark: Date) {
      const since = unixSeconds(moment)
      const byTime = movingWatermark(ask.contactsByTime, 'contacts', watermark)
      const pages = movingWatermark(ask.contactPages, 'contacts', watermark)
      await filtered(
        'contacts',
        () => run.streams(byTime, [timeSeed(since, null)]),
        () => run.streams(pages, [{ subject: `since ${since}`, cursor: pagesSince(since) }]),
      )
    },

    /** What a full read did not meet is asked for by id: it comes, or is marked as missing. */
    async contactsNotMet() {
      const { rows } = await sql<{ id: string }>`
        select external_id as id from public.contacts c
        where source = 'amocrm' and deleted_at is null and missing_since is null
          and not exists (select from ledger.records_met m
            where m.job_call_id = ${call.id} and m.entity = 'contacts' and m.external_id = c.external_id)`.execute(
        db,
      )
      await run.streams(ask.contactsById(filters), idSeeds(rows.map(({ id }) => id)), { parallel })
      await db.deleteFrom('ledger.records_met').where('job_call_id', '=', call.id).execute()
    },

    async contactsDeleted({ whole }: { whole: boolean }) {
      await run.streams(ask.contactsDeleted, [{ subject: '', cursor: { page: 1, whole } }])
    },

    async contactsById(ids: readonly string[]) {
      await filtered(
        'contacts.by-id',
        () => run.streams(ask.contactsById(true), idSeeds(ids), { parallel }),
        async () => {
          await run.streams(ask.contactsUntilMet, untilMetSeeds(ids))
          await run.streams(ask.contactsById(false), [], { parallel })
        },
      )
    },

    async companiesById(ids: readonly string[]) {
      await filtered(
        'companies.by-id',
        () => run.streams(ask.companiesById(true), idSeeds(ids), { parallel }),
        async () => {
          await run.streams(ask.companiesUntilMet, untilMetSeeds(ids))
          await run.streams(ask.companiesById(false), [], { parallel })
        },
      )
    },

    /** Those that companies name as theirs, from the companies as last fetched. */
    async contactIdsOf(companyIds: readonly string[]): Promise<string[]> {
      const { rows } = await sql<{ id: string }>`
        select distinct contact ->> 'id' as id from raw.records r
        cross join lateral jsonb_array_elements(r.payload -> '_embedded' -> 'contacts') as contact
        where r.source = 'amocrm' and r.entity = 'companies' and r.external_id = any(${companyIds}::text[])
          and jsonb_typeof(r.payload -> '_embedded' -> 'contacts') = 'array'`.execute(db)
      return rows.map(({ id }) => id)
    },

    companiesReadRecently: async (ids: readonly string[], maxAgeMs: number) =>
      new Set((await readRecently(db, service, 'contacts-of-company', ids, maxAgeMs)).keys()),
    noteCompaniesRead: (ids: readonly string[]) =>
      noteRead(db, service, 'contacts-of-company', ids),

    /** All companies with the ids of their contacts: links and unlinks, whether or not that changed a contact. */
    async links() {
      await run.streams(ask.companyPages, [{ subject: '', cursor: { page: 1 } }])
      await noteRead(db, service, 'links', [crm.account])
    },
    linksAreFresh: async (maxAgeMs: number) =>
      (await readRecently(db, service, 'links', [crm.account], maxAgeMs)).size > 0,

    async notesOf(contactIds: readonly string[]) {
      const seeds = idSeeds(contactIds).map(({ cursor }) => notesOf((cursor as IdCursor).ids))
      await run.streams(ask.notes, seeds, { parallel })
    },

    async notesSince(moment: Date | undefined, watermark: Date) {
      const since = moment && filters ? unixSeconds(moment) : 0
      const seed = { subject: `since ${since}`, cursor: { since, page: 1 } satisfies NotesCursor }
      await run.streams(movingWatermark(ask.notes, 'notes', watermark), [seed])
    },
  }
}
