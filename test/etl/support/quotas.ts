import { pino } from 'pino'
import { afterAll } from 'vitest'
import type { Quota } from '../../../src/etl/extract/quota.ts'
import { createPerSecondQuota } from '../../../src/etl/extract/quota-per-second.ts'
import { createSharedDatabase } from './database.ts'

export const log = pino({ level: 'silent' })
export const never = new AbortController().signal

/** What the tests of one file work on; gone when they have ended. */
export async function openQuotas() {
  const database = await createSharedDatabase()
  const { db } = database.connect()
  const quotas: Quota[] = []
  afterAll(async () => {
    await Promise.all(quotas.map((quota) => quota.close()))
    await database.stop()
  })

  /** What one process has: several of one account stand for several processes. */
  function open(account: string, perSecond: number, own = db): Quota {
    const quota = createPerSecondQuota({ db: own, log }, { service: 'amocrm', account, perSecond })
    quotas.push(quota)
    return quota
  }
  return { database, db, open }
}
