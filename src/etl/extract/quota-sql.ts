import { type QueryExecutorProvider, sql } from 'kysely'

/**
 * Which slot counts as used, last, how many milliseconds after the time it was granted for; null: it was not used.
 * Whatever is reported of it later adds to that.
 */
export interface SlotReport {
  slot: number
  lateMs: number | null
}

/** What `ledger.take_slots` answers, in milliseconds. */
export interface Taken {
  /** The breaker is open, and why. */
  shut?: string
  /** The account rests. */
  paused_ms?: number
  granted?: { slot: number; due_ms: number }[]
  /** What the database's clock showed, and `due_ms` goes by: from 1970 on. */
  at_ms?: number
  /** How many requests each of those slots is for. */
  sends?: number
  /** From then on: when asking again may bring more. */
  again_ms?: number
  /** How long after its time a slot may still be used. */
  usable_ms?: number
}

export interface Account {
  service: string
  /** Key of quota and breaker: what the upstream counts by. */
  account: string
  perSecond: number
}

/** Takes slots of the next 100 ms for `wanted` requests or fewer, and reports earlier ones, in one round trip. */
export async function takeSlots(
  db: QueryExecutorProvider,
  { service, account, perSecond }: Account,
  wanted: number,
  reports: readonly SlotReport[],
): Promise<Taken> {
  const { slots, late } = columns(reports)
  const { rows } = await sql<{ taken: Taken }>`
    select ledger.take_slots(${service}, ${account}, ${perSecond}, ${wanted}, ${slots}, ${late}) as taken`.execute(
    db,
  )
  const [row] = rows
  if (!row) throw new Error('ledger.take_slots answered no row')
  return row.taken
}

export async function reportSlots(
  db: QueryExecutorProvider,
  account: string,
  reports: readonly SlotReport[],
): Promise<void> {
  const { slots, late } = columns(reports)
  await sql`select ledger.report_slots(${account}, ${slots}, ${late})`.execute(db)
}

/** After a 429 for `slot`: rests for all and widens the margin. Answers the margin in milliseconds. */
export async function restQuota(
  db: QueryExecutorProvider,
  account: string,
  slot: number,
  restMs: number,
): Promise<number> {
  const { rows } = await sql<{ margin: number }>`
    select ledger.rest_quota(${account}, ${slot}, ${restMs}) as margin`.execute(db)
  return rows[0]?.margin ?? 0
}

function columns(reports: readonly SlotReport[]) {
  return { slots: reports.map((r) => r.slot), late: reports.map((r) => r.lateMs) }
}
