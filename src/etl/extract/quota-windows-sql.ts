import { type QueryExecutorProvider, sql } from 'kysely'

/** A window that a send was counted into. */
export interface Granted {
  name: string
  /** Which window that was. */
  opened_at: string
}

/** What `ledger.take_in_windows` answers. */
export interface TakenInWindows {
  /** The breaker is open, and why. */
  shut?: string
  granted?: Granted[]
  /** By this it is under way until it is settled. */
  counted_at?: string
  /** Until the full window that lasts longest is over, in milliseconds. */
  wait_ms?: number
  window?: string
  limit?: number | null
}

export interface WindowsKey {
  service: string
  account: string
  endpoint: string
}

/** Counts a send into each window, or tells which one is full, in one round trip (migrations/0008_window_use.ts). */
export async function takeInWindows(
  db: QueryExecutorProvider,
  { service, account, endpoint }: WindowsKey,
  windows: readonly object[],
): Promise<TakenInWindows> {
  const { rows } = await sql<{ taken: TakenInWindows }>`
    select ledger.take_in_windows(${service}, ${account}, ${endpoint}, ${JSON.stringify(windows)}::jsonb) as taken`.execute(
    db,
  )
  const [row] = rows
  if (!row) throw new Error('ledger.take_in_windows answered no row')
  return row.taken
}

/**
 * Writes down what the upstream said of its windows, and that the send counted at `countedAt` is no longer under way
 * (null: it was settled before).
 */
export async function settleInWindows(
  db: QueryExecutorProvider,
  { account, endpoint }: WindowsKey,
  countedAt: string | null,
  said: readonly object[],
): Promise<void> {
  await sql`
    select ledger.settle_in_windows(${account}, ${endpoint}, ${countedAt}::timestamptz, ${JSON.stringify(said)}::jsonb)`.execute(
    db,
  )
}

/** Nothing more in this window: for `restMs` milliseconds, or (null) until it ends. Answers how long that is. */
export async function restInWindow(
  db: QueryExecutorProvider,
  { account, endpoint }: WindowsKey,
  name: string,
  restMs: number | null,
): Promise<number> {
  const { rows } = await sql<{ ms: number | null }>`
    select ledger.rest_in_window(${account}, ${endpoint}, ${name}, ${restMs}::float8) as ms`.execute(
    db,
  )
  return rows[0]?.ms ?? 0
}
