import type { ServiceCall } from '../db/service-calls.ts'
import { Fault } from '../errors.ts'
import { type Span, startSpan } from '../tracing.ts'
import { drain, type Meter, newMeter } from './extract/http-client.ts'
import type { Hand } from './hand.ts'
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
  asked?: Promise<Came<Cursor>> | undefined
  tools: ExtractTools
  /** From its first page in this process on. */
  span?: Span
  /** Aborts what was asked for ahead. */
  abort: (reason: unknown) => void
}

/** A page, with what it leaves to others. */
export interface Came<Cursor> {
  page: Page<Cursor>
  /** When it was asked for. */
  fetchedAt: Date
  /** Of its request, in traces. */
  span?: Span
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
  /** Where pages are kept until they are written. Default: nowhere. */
  hand?: Hand | undefined
}

/**
 * Reads the page at a stream's cursor and transforms it, while the next one is on its way where the operation reads ahead:
 * in memory are at most these two.
 */
export async function readPage<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  options: ReadPageOptions<Cursor>,
): Promise<PageToWrite<Cursor, Row>> {
  const { stream, cursor, pages, meter } = reading
  const asked = reading.asked ?? ask(operation, reading, { pages, cursor }, options)
  reading.asked = undefined
  const { page, fetchedAt, span } = await asked
  const { next } = page
  if (next !== null && JSON.stringify(next) === JSON.stringify(cursor))
    throw repeats(operation, cursor)
  const ahead = next !== null && (operation.readAhead ?? true) && options.mayAskAhead()
  if (ahead) reading.asked = ask(operation, reading, { pages: pages + 1, cursor: next }, options)
  const sorted = await sortPage(operation.entity, page.records, page.kept)
  const requests = drain(meter)
  const isAtHand = options.hand !== undefined
  return { stream: { ...stream, pages }, page, sorted, requests, fetchedAt, isAtHand, span }
}

function ask<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  { pages, cursor }: { pages: number; cursor: Cursor },
  { share, hand }: ReadPageOptions<Cursor>,
): Promise<Came<Cursor>> {
  const { service, operation: name } = operation
  const { stream, tools } = reading
  const facts = () => ({ service, stream_id: stream.id })
  const parent = (reading.span ??= startSpan(`stream ${name}`, { facts }))
  const extract = async () => {
    tools.context.signal.throwIfAborted()
    const fetchedAt = new Date()
    const span = startSpan(`page ${name}`, { facts, parent })
    try {
      const page = await span.run(() => operation.extract(cursor, tools))
      return { page: share(page), fetchedAt, span }
    } catch (error) {
      span.end(error)
      throw error
    }
  }
  const place = { id: stream.id, pages, cursor, resumed: reading.read === 0 }
  const asked = hand ? hand.take(place, extract) : extract()
  asked.catch(() => {}) // Awaited later, but perhaps not before it fails.
  return asked
}

/** Stops reading: no request of the stream is left under way, and each is counted in its meter. */
export async function stopReading<Cursor>(
  reading: Reading<Cursor>,
  reason: unknown,
): Promise<void> {
  reading.abort(reason)
  const { asked } = reading
  reading.asked = undefined
  await asked?.catch(() => {})
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
