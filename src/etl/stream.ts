import type { Transaction } from 'kysely'
import type { Logger } from '../log.ts'
import type { Db } from '../db/connect.ts'
import type { Lease } from '../db/leases.ts'
import type { DB } from '../db/schema.generated.ts'
import type { CreditCounts, Seed, Service } from '../db/service-calls.ts'
import type { Analysed, Contents } from './contents.ts'
import type { RequestContext } from './extract/http-client.ts'

/** What a transform makes of one record: rows for the normalized tables, or the reason why not. */
export type Transformed<Row> = { row: Row } | { reject: string }

/** A kind of record: where it comes from, how it is read, where it goes. */
export interface Entity<Row> {
  source: string
  entity: string
  /** The record's id as text; undefined where it has none. */
  idOf(payload: unknown): string | undefined
  /**
   * What of a record makes it another when it changes, as text: without signatures of media addresses, for one.
   * Default: its JSON with sorted keys, which it gets.
   */
  contentOf?(json: string): string
  /** Pure: validates and normalizes one record. */
  transform(payload: unknown): Transformed<Row>
  /** Set-based: writes the rows, leaves unchanged ones untouched. Rows come sorted by id, each id once. */
  load(trx: Transaction<DB>, rows: readonly Loaded<Row>[]): Promise<void>
  /** What of a row the image and text services are asked about. Default: nothing. */
  contents?(row: Row): Contents
}

/** A row with the stream that brought it: rows of many streams are written together. */
export type Loaded<Row> = Row & {
  service_call_id: string
  /** When it was fetched (ISO 8601), where it is transformed again: what was learnt since then stays. */
  fetched_at?: string | undefined
}

/** Whence a record comes that was fetched before. */
export interface Kept {
  /** A raw record: its key and its hash, whatever `idOf` and `contentOf` say by now. */
  raw?: { id: string; hash: string }
  /** A reject: its key. */
  reject?: string
  fetchedAt: Date
  serviceCallId: string
}

/** What one request of a stream brought. */
export interface Page<Cursor> {
  records: readonly unknown[]
  /** A replay: whence each of the records comes, in their order. They are written as of then: what was fetched later stays. */
  kept?: readonly Kept[]
  /** Where the stream goes on; null: it is done. */
  next: Cursor | null
  /** The stream is done with this page, whatever `next` says, if none of its records was new, or none new or changed: nothing is read ahead of it. */
  endsUnless?: 'new' | 'changed'
  /** Streams that this page found (the comments of its posts) or gave away: opened in the page's own transaction. */
  opens?: readonly Seed[]
  /** Ids that were asked for and do not exist (any more). */
  absent?: readonly string[]
  /** Keys of rejects that are now known by an id. */
  closes?: readonly string[]
  /** What it cost, where the upstream takes credits. */
  credits?: CreditCounts
}

export interface ExtractTools {
  subject: string
  /** The stream's row in the ledger. */
  serviceCallId: string
  /** Counts the request for this stream, and ends with it. Every request passes it on to the HTTP client. */
  context: RequestContext
}

/** One operation of a service: how a page is asked for, and what is done with it. */
export interface Operation<Cursor, Row> {
  service: Service
  operation: string
  entity: Entity<Row>
  /**
   * Whether the next page is asked for while one is written: a kill then costs two pages, else one. Or one all the same, where pages
   * are `kept` when they come (`hand.ts`), at the cost of a statement. Default: true.
   */
  readAhead?: boolean | 'kept'
  /** Asks for the page at the cursor: one request, as a rule. */
  extract(cursor: Cursor, tools: ExtractTools): Promise<Page<Cursor>>
  /**
   * Gives parts of what is left to other streams, while up to `lanes` more could be read side by side:
   * the page as it was, with a nearer end in `next` and the rest in `opens`. Called where lanes are idle.
   */
  split?(page: Page<Cursor> & { next: Cursor }, lanes: number): Page<Cursor>
  /** More to write in the pages' transaction: links, what was met, a watermark with the last page. */
  alsoWrite?(trx: Transaction<DB>, pages: readonly WrittenPage<Row>[]): Promise<void>
  /** Notes that nothing of a subject can be read until it changes, after its stream has ended as skipped. */
  noteSkipped?(db: Db, subject: string): Promise<void>
}

/** For what is written page by page, where pages are few. */
export function eachPage<Row>(
  write: (trx: Transaction<DB>, page: WrittenPage<Row>) => Promise<void>,
): (trx: Transaction<DB>, pages: readonly WrittenPage<Row>[]) => Promise<void> {
  return async (trx, pages) => {
    for (const page of pages) await write(trx, page)
  }
}

export interface WrittenPage<Row> {
  rows: readonly Loaded<Row>[]
  /** Ids of all records of the page that have one, rejected ones too. */
  ids: readonly string[]
  absent: readonly string[]
  /** Ids of records older than what is stored: nothing of them was written. */
  stale: ReadonlySet<string>
  credits: CreditCounts | undefined
  subject: string
  serviceCallId: string
  /** The stream's last page. */
  done: boolean
}

/** What a stream tells whoever watches, after each page. */
export interface StreamProgress {
  id: string
  service: Service
  operation: string
  subject: string
  pages: number
  rows: number
  /** Pages that follow, at most, where the cursor tells. */
  left?: number | undefined
  status: 'open' | 'done' | 'failed' | 'skipped'
}

/** What steps work with: the attempt's lease, and the ways out. */
export interface StreamDeps {
  db: Db
  log: Logger
  lease: Lease
  /** Soft stop: no further page is asked for; what is on its way is still written. */
  stopping: AbortSignal
  /** Hard stop, with a `Fault` that says why: cancelled, interrupted, lease lost. Requests in flight are aborted. */
  signal: AbortSignal
  onProgress?: ((progress: StreamProgress) => void) | undefined
  /** What is analysed of the records. Default: nothing. */
  analysed?: Analysed | undefined
}
