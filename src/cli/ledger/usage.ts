import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import { isoTime, oneLine, size, span } from '../format.ts'
import { plainTable } from '../plain-table.ts'

/** What each service was asked for in the last hours, and the accounts that shut us out. */
export async function printUsage(db: Db, hours: number): Promise<void> {
  const usage = await db
    .selectFrom('ledger.upstream_usage')
    .selectAll()
    .where(
      'hour',
      '>',
      sql<Date>`date_trunc('hour', clock_timestamp(), 'UTC') - make_interval(hours => ${hours})`,
    )
    .orderBy('hour', 'desc')
    .orderBy('service')
    .execute()
  const head = [
    'hour',
    'service',
    'requests',
    'retries',
    '429s',
    'waited for the quota',
    'size',
    'credits',
  ]
  const rows = usage.map((one) => [
    isoTime(one.hour),
    one.service,
    one.requests,
    one.retries,
    one.rate_limited,
    span(one.throttled_ms ?? 0),
    size(one.bytes ?? 0),
    one.credits,
  ])
  process.stdout.write(
    rows.length > 0
      ? `${plainTable(head, rows)}\n`
      : `nothing was asked in the last ${hours} hours\n`,
  )
  await printBreakers(db)
}

async function printBreakers(db: Db): Promise<void> {
  const breakers = await db.selectFrom('ledger.breakers').selectAll().orderBy('opened_at').execute()
  if (breakers.length === 0) return
  const rows = breakers.map((one) => [
    one.service,
    one.account,
    isoTime(one.opened_at),
    one.opened_by,
    oneLine(one.reason, 200),
  ])
  process.stdout.write(
    `\nblocked: not called until npm run ledger -- unblock SERVICE\n${plainTable(['service', 'account', 'since', 'met by', 'reason'], rows)}\n`,
  )
}
