import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Db } from '../db/connect.ts'
import { crmChecks } from './crm-checks.ts'
import { type CrmSteps, openCrmSteps } from './crm-steps.ts'
import { defineJob, type Run } from './job.ts'
import { planCrmContacts } from './crm-plan.ts'

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
    companyIds ? `${companyIds.length} companies ${digest(companyIds)}` : '',
  checks: crmChecks,
  plan: planCrmContacts,

  async run(run) {
    const crm = openCrmSteps(run)
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

/** What changed since the last time; everything the first time, or when asked. */
async function contactsChanged({ params, db }: CrmRun, crm: CrmSteps) {
  const since = params.full ? undefined : await crm.contacts.readFrom()
  const companiesSince = params.full ? undefined : await crm.companyChanges.readFrom()
  const links = !companiesSince || !(await crm.linksAreFresh())

  // Contacts tell their company themselves, and where all are read that is the newer word.
  if (!since)
    await all([
      crm.contacts.everything(),
      links ? crm.companies({ links: false }) : Promise.resolve(),
    ])
  if (since && links) await crm.companies({ links: true })
  // Last of the lists, so that they meet what changed while the others were read.
  await all([
    crm.contacts.since(since),
    crm.contactsDeleted({ whole: params.full || (links && since !== undefined) }),
  ])
  // After the contacts: whichever company these name is there by then.
  if (!links) await crm.companyChanges.since(companiesSince)
  if (!since && links && (await crm.linksAreUntold())) await crm.companies({ links: true })
  if (links) await crm.noteLinksRead()
  if (params.full) await crm.contactsNotMet()
  if (params.notes) await notesChanged(params, crm)
  const contacts = await countContacts(db)
  return { read: since ? `changes since ${since.toISOString()}` : 'everything', contacts }
}

async function notesChanged(params: CrmContactsParams, crm: CrmSteps) {
  const since = params.full ? undefined : await crm.notes.readFrom()
  if (!since) await crm.notes.everything()
  await crm.notes.since(since)
}

/** Waits for all of the steps, also where one fails: none is left running. */
async function all(steps: readonly Promise<void>[]): Promise<void> {
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

const digest = (ids: readonly string[]) =>
  createHash('sha256').update(ids.toSorted().join(',')).digest('hex').slice(0, 16)
