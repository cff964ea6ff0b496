import { isDataRefused } from '../db/lost-connection.ts'
import {
  moveCursor,
  openStreams,
  type RequestCounts,
  type RowCounts,
  type ServiceCall,
} from '../db/service-calls.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault } from '../errors.ts'
import { type RawWritten, writeRaw } from './load/raw-records.ts'
import { closeRejects, writeRejects } from './load/rejects.ts'
import { rejectRefused } from './reject-refused.ts'
import type { SortedPage } from './sort-page.ts'
import type { Operation, Page, StreamDeps } from './stream.ts'

export interface PageToWrite<Cursor, Row> {
  stream: Pick<ServiceCall, 'id' | 'pages' | 'subject'>
  page: Page<Cursor>
  sorted: SortedPage<Row>
  requests: RequestCounts
  /** When the page was asked for. */
  fetchedAt: Date
}

/**
 * Writes a page, whole or not at all: raw rows, normalized rows, rejects, the streams it opens, its cursor and
 * counters, in one transaction, fenced by the lease. While the database is away it is tried again, as long as the lease may
 * be ours; a commit whose answer was lost is recognised by the stream's page count.
 * @throws Fault `lease_lost` where another attempt holds the call now: nothing was written.
 */
export async function writePage<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  page: PageToWrite<Cursor, Row>,
): Promise<RowCounts> {
  const write = async (some: PageToWrite<Cursor, Row>): Promise<RowCounts> => {
    const options = { patienceMs: 300_000, signal: deps.signal }
    return await untilDatabaseAnswers(() => transact(deps, operation, some), deps.log, options)
  }
  try {
    return await write(page)
  } catch (error) {
    if (!isDataRefused(error)) throw error
    return await write(await rejectRefused(deps, operation, page, error))
  }
}

async function transact<Cursor, Row>(
  { db, lease }: StreamDeps,
  operation: Operation<Cursor, Row>,
  { stream, page, sorted, requests, fetchedAt }: PageToWrite<Cursor, Row>,
): Promise<RowCounts> {
  const { source, entity } = operation.entity
  const origin = { source, entity, jobCallId: lease.call.id, serviceCallId: stream.id }
  return await db
    .transaction()
    .execute(async (trx) => {
      const raw = await writeRaw(trx, sorted.raw, { ...origin, fetchedAt })
      const fresh = sorted.good.filter(({ id }) => !raw.stale.has(id))
      const rows = fresh.map(({ row }) => row)
      if (rows.length > 0) await operation.entity.load(trx, rows, stream.id)
      await writeRejects(trx, sorted.rejects, origin)
      await closeRejects(
        trx,
        fresh.map(({ id }) => id),
        origin,
      )
      await openStreams(trx, lease.call.id, operation.service, page.opens ?? [])
      const done = page.next === null
      await operation.alsoWrite?.(trx, {
        rows,
        ids: sorted.raw.map(({ id }) => id),
        absent: page.absent ?? [],
        stale: raw.stale,
        credits: page.credits,
        subject: stream.subject,
        serviceCallId: stream.id,
        done,
      })
      const counts = countRows(sorted, raw)
      if (
        !(await moveCursor(trx, lease, stream, {
          cursor: page.next,
          done,
          requests,
          rows: counts,
          credits: page.credits,
        }))
      ) {
        if (await isWrittenAlready(trx, lease, stream)) throw new WrittenAlready(counts)
        throw new Fault('lease_lost', 'another attempt holds this job call now')
      }
      return counts
    })
    .catch((error: unknown) => {
      if (error instanceof WrittenAlready) return error.counts
      throw error
    })
}

/** Rolls the repeated transaction back: the first one did get through. */
class WrittenAlready extends Error {
  readonly counts: RowCounts
  constructor(counts: RowCounts) {
    super('the page had been written')
    this.counts = counts
  }
}

async function isWrittenAlready(
  db: StreamDeps['db'],
  lease: StreamDeps['lease'],
  stream: Pick<ServiceCall, 'id' | 'pages'>,
): Promise<boolean> {
  const row = await db
    .selectFrom('ledger.service_calls as s')
    .innerJoin('ledger.job_calls as c', 'c.id', 's.job_call_id')
    .select('s.pages')
    .where('s.job_call_id', '=', lease.call.id)
    .where('s.id', '=', stream.id)
    .where('c.lease_token', '=', lease.token)
    .executeTakeFirst()
  return row?.pages === stream.pages + 1
}

function countRows<Row>(sorted: SortedPage<Row>, raw: RawWritten): RowCounts {
  // A reject is kept raw as well; it counts once, as rejected.
  const rejected = new Set(sorted.rejects.map(({ id }) => id))
  const count = (ids: ReadonlySet<string>) => [...ids].filter((id) => !rejected.has(id)).length
  const [inserted, updated] = [count(raw.inserted), count(raw.updated)]
  const unchanged = sorted.read - sorted.rejects.length - inserted - updated
  return { read: sorted.read, inserted, updated, unchanged, rejected: sorted.rejects.length }
}
