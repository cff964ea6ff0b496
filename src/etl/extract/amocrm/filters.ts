import { z } from 'zod'
import type { Db } from '../../../db/connect.ts'
import { noteRead, readRecently } from '../../../db/subject-reads.ts'
import { Skipped } from '../../../errors.ts'
import type { Entity, Operation } from '../../stream.ts'
import type { Amocrm } from './upstream.ts'

const hourMs = 3_600_000
const operation = 'account'
const flag = z.looseObject({ is_api_filter_enabled: z.boolean() })

/** Whether the account has filtering switched on, where it was asked or seen of late, by default within the hour (upstreams/amocrm.md, 2). */
export async function knownFilters(
  db: Db,
  { account }: Amocrm,
  maxAgeMs = hourMs,
): Promise<boolean | undefined> {
  const known = (await readRecently(db, 'amocrm', operation, [account], maxAgeMs)).get(account)
  return typeof known === 'boolean' ? known : undefined
}

/** Asks the account for its flag. An account that says nothing of it is taken as off: then nothing relies on filters. */
export function askForFilters(crm: Amocrm): Operation<object, never> {
  let on = false
  return {
    service: 'amocrm',
    operation,
    entity: noRecords,
    async extract(_cursor, tools) {
      const body = flag.safeParse(await crm.get('account', ['with=is_api_filter_enabled'], tools))
      on = body.success && body.data.is_api_filter_enabled
      return { records: [], next: null }
    },
    async alsoWrite(trx) {
      await noteRead(trx, 'amocrm', operation, [crm.account], on)
    },
  }
}

/**
 * Checks an answer against the filter that was sent, since an account can ignore filters in silence. Where one
 * record lies outside, the account is noted as without filters and the stream is skipped: the job then reads otherwise.
 */
export async function refuseUnfiltered(
  db: Db,
  crm: Amocrm,
  records: readonly unknown[],
  matches: (record: unknown) => boolean,
): Promise<void> {
  const stranger = records.find((record) => !matches(record))
  if (stranger === undefined) return
  await noteRead(db, 'amocrm', operation, [crm.account], false)
  throw new Skipped('the API ignored the filter and answered with other records')
}

const noRecords: Entity<never> = {
  source: 'amocrm',
  entity: 'account',
  idOf: () => undefined,
  transform: () => ({ reject: 'no record was due' }),
  load: async () => {},
}
