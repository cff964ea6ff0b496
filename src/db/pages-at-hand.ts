import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { Lease } from './leases.ts'
import type { DB } from './schema.generated.ts'
import type { RequestCounts } from './service-calls.ts'

/** A takeover is quicker, an operator hardly slower: what a page says of what is there, and not there, is true by then. */
const goodFor = sql`interval '10 minutes'`

/** Which page of which stream. */
export interface PagePlace {
  /** The stream's id. */
  id: string
  /** How many of its pages came before. */
  pages: number
  cursor: unknown
}

/** Keeps a page, with what it cost, until it is written (`migrations/0017_pages_at_hand.ts`). Keeps nothing where another attempt holds the call now. */
export async function keepAtHand(
  db: Db,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  { id, pages, cursor }: PagePlace,
  came: { page: unknown; requests: RequestCounts },
  askedAt: Date,
): Promise<void> {
  // The call is not locked, as pages' transactions do it: a takeover in between finds one page more, and it is a true one.
  await sql`
    insert into ledger.pages_at_hand (service_call_id, page, cursor, content, asked_at)
    select ${id}::uuid, ${pages}, ${JSON.stringify(cursor)}::jsonb, ${JSON.stringify(came)}, ${askedAt}
    from ledger.job_calls where id = ${call.id} and lease_token = ${token}
    on conflict (service_call_id, page) do update set
      cursor = excluded.cursor, content = excluded.content, asked_at = excluded.asked_at, kept_at = excluded.kept_at`.execute(
    db,
  )
}

/** The page that an attempt before had at hand until a moment ago, as JSON, and when it was asked for. */
export async function pageAtHand(
  db: Db,
  { id, pages, cursor }: PagePlace,
): Promise<{ content: string; asked_at: Date } | undefined> {
  const { rows } = await sql<{ content: string; asked_at: Date }>`
    select content, asked_at from ledger.pages_at_hand
    where service_call_id = ${id} and page = ${pages} and cursor = ${JSON.stringify(cursor)}::jsonb
      and kept_at > clock_timestamp() - ${goodFor}`.execute(db)
  return rows[0]
}

/** Forgets the pages of streams up to those that are written, or all where these are the last. */
export async function dropAtHand(
  trx: Transaction<DB>,
  written: readonly (Pick<PagePlace, 'id' | 'pages'> & { done: boolean })[],
): Promise<void> {
  await sql`
    delete from ledger.pages_at_hand h
    using jsonb_to_recordset(${JSON.stringify(written)}::jsonb) as w (id uuid, pages bigint, done boolean)
    where h.service_call_id = w.id and (h.page <= w.pages or w.done)`.execute(trx)
}

/** Forgets what nobody went on with. */
export async function dropOldAtHand(db: Db): Promise<void> {
  await sql`delete from ledger.pages_at_hand where kept_at < clock_timestamp() - ${goodFor}`.execute(
    db,
  )
}
