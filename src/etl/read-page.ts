import type { ServiceCall } from '../db/service-calls.ts'
import { Fault } from '../errors.ts'
import { drain, type Meter, newMeter } from './extract/http-client.ts'
import { sortPage } from './sort-page.ts'
import type { ExtractTools, Operation, Page } from './stream.ts'
import type { PageToWrite } from './write-pages.ts'

/** A stream that is being read, as it stands in memory. */
export interface Reading<Cursor> {
  stream: Pick<ServiceCall, 'id' | 'subject'>
  cursor: Cursor
  pages: number
  rows: number
  /** What its requests cost, since that was last written down. */
  meter: Meter
  /** Pages read by this process. */
  read: number
  /** The page that was asked for ahead. */
  asked?: Asked<Cursor> | undefined
  tools: ExtractTools
  /** Aborts what was asked for ahead. */
  abort: (reason: unknown) => void
}

interface Asked<Cursor> {
  page: Promise<Page<Cursor>>
  fetchedAt: Date
}

export function startReading<Cursor, Row>(
  stream: ServiceCall,
  { readAhead = true }: Operation<Cursor, Row>,
  signal: AbortSignal,
): Reading<Cursor> {
  const meter = newMeter()
  const failed = readAhead ? new AbortController() : undefined
  const context = { meter, signal: failed ? AbortSignal.any([signal, failed.signal]) : signal }
  return {
    stream: { id: stream.id, subject: stream.subject },
    cursor: stream.cursor as Cursor,
    pages: stream.pages,
    rows: stream.rows_read,
    meter,
    read: 0,
    tools: { subject: stream.subject, serviceCallId: stream.id, context },
    abort: (reason) => failed?.abort(reason),
  }
}

export interface ReadPageOptions<Cursor> {
  /** Gives part of what is left to idle lanes, where there are some and the operation can. */
  share: (page: Page<Cursor>) => Page<Cursor>
  /** Whether the page after this one may be asked for already. */
  mayAskAhead: () => boolean
}

/**
 * Reads the page at a stream's cursor and transforms it, while the next one is on its way where the operation reads ahead:
 * in memory are at most these two.
 */
export async function readPage<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  { share, mayAskAhead }: ReadPageOptions<Cursor>,
): Promise<PageToWrite<Cursor, Row>> {
  const { stream, cursor, pages, meter } = reading
  const { page: asked, fetchedAt } = reading.asked ?? ask(operation, reading, cursor)
  const page = share(await asked)
  const { next } = page
  if (next !== null && JSON.stringify(next) === JSON.stringify(cursor))
    throw repeats(operation, cursor)
  const ahead = next !== null && (operation.readAhead ?? true) && mayAskAhead()
  reading.asked = ahead ? ask(operation, reading, next) : undefined
  const sorted = await sortPage(operation.entity, page.records, page.kept)
  return { stream: { ...stream, pages }, page, sorted, requests: drain(meter), fetchedAt }
}

function ask<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  { tools }: Reading<Cursor>,
  cursor: Cursor,
): Asked<Cursor> {
  const fetchedAt = new Date()
  const page = operation.extract(cursor, tools)
  page.catch(() => {}) // Awaited later, but perhaps not before it fails.
  return { page, fetchedAt }
}

/** Stops reading: no request of the stream is left under way, and each is counted in its meter. */
export async function stopReading<Cursor>(
  reading: Reading<Cursor>,
  reason: unknown,
): Promise<void> {
  reading.abort(reason)
  await reading.asked?.page.catch(() => {})
  reading.asked = undefined
}

function repeats<Cursor, Row>(
  { service, operation }: Operation<Cursor, Row>,
  cursor: unknown,
): Fault {
  return new Fault('bad_answer', `${operation}: the cursor repeats: ${JSON.stringify(cursor)}`, {
    service,
    retriable: false,
  })
}
