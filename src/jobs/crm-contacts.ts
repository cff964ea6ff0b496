import { z } from 'zod'
import type { Db } from '../db/connect.ts'
import { type CrmSteps, openCrmSteps } from './crm-steps.ts'
import { defineJob, type Run } from './job.ts'
import { planCrmContacts } from './crm-plan.ts'

/** Read again before the watermark: paging is by offset while rows move (upstreams/amocrm.md, 6). */
const overlapMs = 5 * 60_000
/** Linking may not show in a contact's `updated_at` (upstreams/amocrm.md, 6): links are read again this often. */
const linksMaxAgeMs = 7 * 24 * 3_600_000

const companyId = z
  .union([z.int().positive(), z.string().regex(/^[1-9]\d{0,15}$/, 'must be a number')])
  .transform(String)

export const crmContactsParams = z.strictObject({
  companyIds: z
    .array(companyId)
    .min(1)
    .max(10_000)
    .optional()
    .describe('contacts of just these companies'),
  notes: z.boolean().default(false).describe('their notes too'),
  maxAgeMinutes: z
    .int()
    .min(0)
    .default(0)
    .describe('companies read more recently are not asked again'),
  full: z.boolean().default(false).describe('everything again, marking what is gone'),
})
export type CrmContactsParams = z.output<typeof crmContactsParams>
type CrmRun = Run<CrmContactsParams>

export const crmContacts = defineJob<CrmContactsParams>({
  name: 'crm-contacts',
  title: 'contacts of amoCRM: what changed since the last time, or those of some companies',
  params: crmContactsParams,
  schedule: '0 2 * * *',
  needs: ['AMOCRM_BASE_URL', 'AMOCRM_ACCESS_TOKEN'],
  subject: ({ companyIds }) =>
    companyIds ? `companies ${[...companyIds].sort().join(',')}`.slice(0, 200) : '',
  plan: planCrmContacts,

  async run(run) {
    const crm = await openCrmSteps(run)
    if (!crm.filters)
      run.log.warn('filtering is off in this account: lists are read in order instead')
    if (run.params.companyIds) return await contactsOfCompanies(run, crm, run.params.companyIds)
    return await contactsChanged(run, crm)
  },
})

/** Companies with the ids of their contacts, then the contacts by id. */
async function contactsOfCompanies(
  { params }: CrmRun,
  crm: CrmSteps,
  companyIds: readonly string[],
) {
  const recent = await crm.companiesReadRecently(companyIds, params.maxAgeMinutes * 60_000)
  const asked = companyIds.filter((id) => !recent.has(id))
  await crm.companiesById(asked)
  const contactIds = await crm.contactIdsOf(asked)
  await crm.contactsById(contactIds)
  if (params.notes) await crm.notesOf(contactIds)
  await crm.noteCompaniesRead(asked)
  return { companies: companyIds.length, readRecently: recent.size, contacts: contactIds.length }
}

/** What changed since the watermark; everything the first time, or when asked. */
async function contactsChanged({ params, readingSince, db }: CrmRun, crm: CrmSteps) {
  const watermark = params.full ? undefined : await crm.watermark('contacts')
  const nextWatermark = new Date(readingSince.getTime() - overlapMs)

  const links = params.full || !(await crm.linksAreFresh(linksMaxAgeMs))
  await all([!watermark && crm.contactsUntil(nextWatermark), links && crm.links()])
  // Last of the lists, so that it meets what changed while the others were read.
  await crm.contactsSince(watermark ?? nextWatermark, nextWatermark)
  if (params.full) await crm.contactsNotMet()
  await crm.contactsDeleted({ whole: params.full })
  if (params.notes)
    await crm.notesSince(params.full ? undefined : await crm.watermark('notes'), nextWatermark)
  return {
    read: watermark ? `changes since ${watermark.toISOString()}` : 'everything',
    contacts: await countContacts(db),
  }
}

/** Waits for all of the steps, also where one fails: none is left running. */
async function all(steps: readonly (Promise<void> | boolean)[]): Promise<void> {
  const failed = (await Promise.allSettled(steps)).find((step) => step.status === 'rejected')
  if (failed) throw failed.reason
}

async function countContacts(db: Db): Promise<number> {
  const { count } = await db
    .selectFrom('contacts')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('source', '=', 'amocrm')
    .where('deleted_at', 'is', null)
    .where('missing_since', 'is', null)
    .executeTakeFirstOrThrow()
  return count
}
