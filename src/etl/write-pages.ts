import { isDataRefused } from '../db/lost-connection.ts'
import {
  type CursorMove,
  moveCursors,
  openStreams,
  type RowCounts,
  type ServiceCall,
} from '../db/service-calls.ts'
import { dropAtHand } from '../db/pages-at-hand.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault } from '../errors.ts'
import {
  knownTombstones,
  learnTombstones,
  NewTombstones,
  requireKnown,
} from './erased/tombstones.ts'
import { withoutErased } from './erased/without-erased.ts'
import { addAnalysisTasks } from './load/analysis-tasks.ts'
import { type RawWritten, writeRaw } from './load/raw-records.ts'
import { closeRejects, type Reject, writeRejects } from './load/rejects.ts'
import { rejectRefused } from './reject-refused.ts'
import type { Meter } from './extract/http-client.ts'
import type { Span } from '../tracing.ts'
import { eachRecordOnce, newestOf, type Transformed, transformEach } from './newest-records.ts'
import type { SortedPage } from './sort-page.ts'
import type { Entity, Loaded, Operation, Page, StreamDeps } from './stream.ts'

export interface PageToWrite<Cursor, Row> {
  /** With how many pages it had before this one. */
  stream: Pick<ServiceCall, 'id' | 'pages' | 'subject'>
  page: Page<Cursor>
  sorted: SortedPage<Row>
  requests: Meter
  /** When the page was asked for. */
  fetchedAt: Date
  /** It is kept until it is written (`hand.ts`). */
  isAtHand?: boolean
  /** From its request to its commit, in traces. */
  span?: Span | undefined
}

export interface Written {
  counts: RowCounts
  /** The stream's last page. */
  done: boolean
}

/**
 * Writes pages of one operation, of different streams and of one in their order, whole or not at all: raw rows, normalized rows,
 * rejects, the streams they open, their cursors and counters, in one transaction, fenced by the lease. While the database is away
 * it is tried again, as long as the lease may be ours; a commit whose answer was lost is recognised by the streams' page counts. Where the
 * database refuses a value of a page that comes alone, its record is set aside. Nothing of people that were erased is written.
 * @throws Fault `lease_lost` where another attempt holds the call now: nothing was written.
 */
export async function writePages<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  pages: readonly PageToWrite<Cursor, Row>[],
): Promise<Written[]> {
  for (;;) {
    const known = knownTombstones(deps.db)
    try {
      return await writeRest(
        deps,
        operation,
        await withoutErased(known, operation, pages),
        known.seq,
      )
    } catch (error) {
      if (!(error instanceof NewTombstones)) throw error
      await learnTombstones(deps.db)
    }
  }
}

async function writeRest<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  pages: readonly PageToWrite<Cursor, Row>[],
  tombstone: number,
): Promise<Written[]> {
  const write = async (some: readonly PageToWrite<Cursor, Row>[]): Promise<Written[]> => {
    const options = { patienceMs: 300_000, signal: deps.signal }
    return await untilDatabaseAnswers(
      () => transact(deps, operation, some, tombstone),
      deps.log,
      options,
    )
  }
  try {
    return await write(pages)
  } catch (error) {
    const [page] = pages
    if (!isDataRefused(error) || !page || pages.length > 1) throw error
    return await write([await rejectRefused(deps, operation, page, error)])
  }
}

async function transact<Cursor, Row>(
  { db, lease, analysed }: StreamDeps,
  operation: Operation<Cursor, Row>,
  pages: readonly PageToWrite<Cursor, Row>[],
  tombstone: number,
): Promise<Written[]> {
  const { service, entity } = operation
  const replayed = pages.some(({ page }) => page.kept !== undefined)
  const origin = {
    source: entity.source,
    entity: entity.entity,
    jobCallId: lease.call.id,
    replayed,
  }
  const { pageOf, records } = eachRecordOnce(pages)
  return await db
    .transaction()
    .execute(async (trx) => {
      // The raw records are on their way while they are transformed.
      const [raw, transformed] = await Promise.all([
        writeRaw(trx, records, origin),
        transformEach(pages),
      ])
      const newest = newestOf(transformed, pageOf)
      // A page with nothing in it, as the last ones of lists are, brings nobody back.
      if (records.length > 0 || !transformed.every(isEmpty))
        await requireKnown(trx, tombstone, raw.lastTombstone)
      const fresh = newest.good.filter(({ id }) => !raw.stale.has(id))
      const rows = fresh.map(({ row }) => row)
      if (rows.length > 0) await entity.load(trx, rows)
      if (analysed && entity.contents)
        await addAnalysisTasks(trx, lease.call, analysed, contentsOf(entity, fresh))
      const rejects = newest.rejects.filter(({ id }) => id === undefined || !raw.stale.has(id))
      await writeRejects(trx, rejects, origin)
      const passed = raw.haveRejects ? fresh.map(({ id }) => id) : []
      const renamed = pages.flatMap(({ page }) => page.closes ?? [])
      await closeRejects(trx, [...passed, ...renamed], origin)
      const opens = pages.flatMap(({ page }) => page.opens ?? [])
      await openStreams(trx, lease, service, opens)

      const written = transformed.map(({ page, rejects: refused }) => {
        const counts = countRows(page.sorted, refused, raw, (id) => pageOf.get(id) === page)
        return { counts, done: isDone(page, raw) }
      })
      const goodOf = Map.groupBy(fresh, ({ page }) => page)
      await operation.alsoWrite?.(
        trx,
        pages.map((one, n) => {
          const { stream, page, sorted } = one
          const ids = sorted.raw.map(({ id }) => id)
          return {
            rows: (goodOf.get(one) ?? []).map(({ row }) => row),
            ids,
            absent: page.absent ?? [],
            stale: new Set(ids.filter((id) => raw.stale.has(id))),
            credits: page.credits,
            subject: stream.subject,
            serviceCallId: stream.id,
            done: written[n]?.done ?? false,
          }
        }),
      )
      const kept = pages.filter(({ isAtHand }) => isAtHand)
      if (kept.length > 0)
        await dropAtHand(
          trx,
          kept.map(({ stream, page }) => ({ ...stream, done: page.next === null })),
        )
      const moves = pages.map(({ stream, page, requests }, n): CursorMove => {
        const { counts, done } = written[n] ?? never()
        const { next: cursor, credits } = page
        return { id: stream.id, pages: stream.pages, cursor, done, requests, rows: counts, credits }
      })
      if (!(await moveCursors(trx, lease, moves))) {
        const stands = await writtenAlready(trx, lease, moves)
        if (!stands) throw new Fault('lease_lost', 'another attempt holds this job call now')
        // Nothing is new any more: whether a stream has ended, the ledger says.
        throw new WrittenAlready(
          written.map((how, n) => ({ ...how, done: stands[n]?.status === 'done' })),
        )
      }
      return written
    })
    .catch((error: unknown) => {
      if (error instanceof WrittenAlready) return error.written
      throw error
    })
}

/** What is to be analysed, of unchanged records too: their tasks may have been cancelled, or there was no service when they were new. */
function contentsOf<Row>(entity: Entity<Row>, fresh: readonly { row: Loaded<Row> }[]) {
  return fresh.map(({ row }) => ({
    texts: [],
    ...entity.contents?.(row),
    service_call_id: row.service_call_id,
  }))
}

const isEmpty = ({ page: { page }, rejects }: Transformed<unknown, unknown>) =>
  rejects.length === 0 && page.next === null && (page.opens ?? []).length === 0

/** A record that was rejected is as new as the others: it says that the page was not known before. */
function isDone<Cursor, Row>({ page, sorted }: PageToWrite<Cursor, Row>, raw: RawWritten): boolean {
  const { next, endsUnless } = page
  if (next === null) return true
  if (endsUnless === undefined) return false
  return !sorted.raw.some(
    ({ id }) => raw.inserted.has(id) || (endsUnless === 'changed' && raw.updated.has(id)),
  )
}

function countRows<Row>(
  sorted: SortedPage<Row>,
  rejects: readonly Reject[],
  raw: RawWritten,
  isOurs: (id: string) => boolean,
): RowCounts {
  // A reject is kept raw as well; it counts once, as rejected.
  const rejected = new Set(rejects.map(({ id }) => id))
  const ids = sorted.raw.map(({ id }) => id).filter((id) => isOurs(id) && !rejected.has(id))
  const inserted = ids.filter((id) => raw.inserted.has(id)).length
  const updated = ids.filter((id) => raw.updated.has(id)).length
  const unchanged = sorted.read - rejects.length - inserted - updated
  return { read: sorted.read, inserted, updated, unchanged, rejected: rejects.length }
}

/** Rolls the repeated transaction back: the first one did get through. */
class WrittenAlready extends Error {
  readonly written: Written[]
  constructor(written: Written[]) {
    super('the pages had been written')
    this.written = written
  }
}

/** How each page left its stream, which only the last that was written of it can have ended; undefined where they were not written before. */
async function writtenAlready(
  db: StreamDeps['db'],
  lease: StreamDeps['lease'],
  moves: readonly CursorMove[],
): Promise<({ status: string } | undefined)[] | undefined> {
  const rows = await db
    .selectFrom('ledger.service_calls as s')
    .innerJoin('ledger.job_calls as c', 'c.id', 's.job_call_id')
    .select(['s.id', 's.pages', 's.status'])
    .where('s.job_call_id', '=', lease.call.id)
    .where(
      's.id',
      'in',
      moves.map(({ id }) => id),
    )
    .where('c.lease_token', '=', lease.token)
    .execute()
  const streams = new Map(rows.map((row) => [row.id, row]))
  const pagesOf = ({ id }: CursorMove) => streams.get(id)?.pages ?? 0
  if (!moves.every((move) => pagesOf(move) > move.pages)) return undefined
  return moves.map((move) =>
    pagesOf(move) === move.pages + 1 ? streams.get(move.id) : { status: 'open' },
  )
}

function never(): never {
  throw new Error('a result for each page')
}
