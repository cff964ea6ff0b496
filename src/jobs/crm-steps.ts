import { crmOperations } from '../etl/extract/amocrm/operations.ts'
import { idSeeds } from '../etl/extract/amocrm/by-id.ts'
import { listStart } from '../etl/extract/amocrm/list-place.ts'
import { notesSeeds } from '../etl/extract/amocrm/notes.ts'
import { untilMetSeeds } from '../etl/extract/amocrm/until-met.ts'
import { openAmocrm } from '../etl/extract/amocrm/upstream.ts'
import { openChanges } from './crm-changes.ts'
import { openCompanySteps } from './crm-companies.ts'
import type { CrmContactsParams } from './crm-contacts.ts'
import { openMet } from './crm-met.ts'
import { flagMaxAgeMs, openTwoWays } from './crm-two-ways.ts'
import { openWatermarks } from './crm-watermarks.ts'
import type { Run } from './job.ts'

/** Streams side by side at most; how many of them there are goes by how fast the answers come. */
const parallel = 8

export type CrmSteps = ReturnType<typeof openCrmSteps>

/** The steps of `crm-contacts`. Each reads with filters where the account has them, and in order where not. */
export function openCrmSteps(run: Run<CrmContactsParams>) {
  const { db, params } = run
  const crm = openAmocrm(run.http, run.settings)
  const ways = openTwoWays(run, crm, flagMaxAgeMs(params))
  const met = openMet(run)
  const ask = crmOperations({
    db,
    crm,
    readingSince: run.readingSince,
    parallel,
    async met(trx, entity, { ids }) {
      if (entity === 'companies' || (params.full && !params.companyIds))
        await met.note(trx, entity, ids)
    },
  })
  const watermarks = openWatermarks(run, crm.account)
  const tools = { ways, watermarks, parallel }

  return {
    ...openCompanySteps(run, { crm, ask, ways, met, watermarks }),
    companyChanges: openChanges(tools, 'companies', ask.companiesByTime, ask.companyChangePages),
    contacts: openChanges(tools, 'contacts', ask.contactsByTime, ask.contactPages),
    notes: openChanges(tools, 'notes', ask.notesByTime, ask.notePages),

    /** Contacts that were deleted; `whole`: all of them, not just until all are known. */
    async contactsDeleted({ whole }: { whole: boolean }) {
      const seeds = [{ subject: '', cursor: { at: listStart, whole } }]
      await ways.readOne({ operation: ask.contactsDeleted, seeds })
    },

    /** What a full read did not meet is asked for by id: it comes, or is marked as missing. */
    async contactsNotMet() {
      const seeds = idSeeds(await met.missing('contacts'))
      await ways.read(
        { operation: ask.contactsById(true), seeds },
        { operation: ask.contactsById(false), seeds },
      )
      await met.forget('contacts')
    },

    async contactsById(ids: readonly string[]) {
      if (ids.length === 0) return
      await ways.read(
        { operation: ask.contactsById(true), seeds: idSeeds(ids) },
        { operation: ask.contactsUntilMet, seeds: untilMetSeeds(ids) },
      )
      await ways.readOne({ operation: ask.contactsById(false), seeds: [], parallel })
    },

    async notesOf(contactIds: readonly string[]) {
      if (contactIds.length === 0) return
      const seeds = notesSeeds(contactIds)
      await ways.read({ operation: ask.notesOfMany, seeds }, { operation: ask.notesOfOne, seeds })
    },
  }
}
