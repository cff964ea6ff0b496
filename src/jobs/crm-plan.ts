import { readRecently } from '../db/subject-reads.ts'
import { getWatermark } from '../db/watermarks.ts'
import { knownFilters } from '../etl/extract/amocrm/filters.ts'
import { openAmocrm, pageSize } from '../etl/extract/amocrm/upstream.ts'
import { linksMaxAgeMs } from './crm-companies.ts'
import type { CrmContactsParams } from './crm-contacts.ts'
import { flagMaxAgeMs } from './crm-two-ways.ts'
import type { WatermarkName } from './crm-watermarks.ts'
import type { JobTools, Plan } from './job.ts'

/** What `crm-contacts` would ask for, as far as the ledger knows. */
export async function planCrmContacts(
  { db, http, settings }: JobTools,
  params: CrmContactsParams,
): Promise<Plan> {
  const crm = openAmocrm(http, settings)
  const flag = (await knownFilters(db, crm, flagMaxAgeMs(params))) === undefined ? 1 : 0
  const requests: Plan['requests'] = [{ operation: 'account', count: flag, why: 'the filter flag' }]
  if (params.companyIds) {
    const ids = params.companyIds
    const recent = await readRecently(
      db,
      'amocrm',
      'contacts-of-company',
      ids,
      params.maxAgeMinutes * 60_000,
    )
    const companies = ids.length - recent.size
    requests.push({
      operation: 'companies.by-id',
      count: Math.ceil(companies / pageSize),
      why: `${companies} companies, ${pageSize} at a time`,
    })
    requests.push({
      operation: 'contacts.by-id',
      count: companies === 0 ? 0 : 'unknown',
      why: `their contacts, ${pageSize} at a time`,
    })
    return { requests, credits: 0 }
  }
  const watermarkOf = async (operation: WatermarkName) => {
    const key = { job: 'crm-contacts', service: 'amocrm', operation, subject: crm.account } as const
    return params.full ? undefined : await getWatermark(db, key)
  }
  const watermark = await watermarkOf('contacts')
  const why = watermark
    ? `what changed since ${watermark.toISOString()}, ${pageSize} a page`
    : `all contacts, ${pageSize} a page`
  requests.push({ operation: 'contacts', count: 'unknown', why })
  const links = await readRecently(db, 'amocrm', 'links', [crm.account], linksMaxAgeMs)
  const companies = await watermarkOf('companies')
  if (companies && links.size > 0)
    requests.push({
      operation: 'companies.changes',
      count: 'unknown',
      why: `companies changed since ${companies.toISOString()}, ${pageSize} a page`,
    })
  else
    requests.push({
      operation: 'companies',
      count: 'unknown',
      why: 'all companies, once a week',
    })
  requests.push({
    operation: 'contacts.deleted',
    count: 1,
    why: 'at least: deleted ones, until all are known',
  })
  return { requests, credits: 0 }
}
