import type { ServiceCall } from '../db/service-calls.ts'
import { Fault } from '../errors.ts'
import { type Span, startSpan } from '../tracing.ts'
import { drain, type Meter, newMeter } from './extract/http-client.ts'
import { sortPage } from './sort-page.ts'
import type { ExtractTools, Operation, Page } from './stream.ts'
import type { UnderWay } from './under-way.ts'
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
  /** From its first page in this process on. */
  span?: Span
  /** Aborts what was asked for ahead. */
  abort: (reason: unknown) => void
}

interface Asked<Cursor> {
  answer: Promise<{ page: Page<Cursor>; fetchedAt: Date; span: Span }>
  /** It is written, or will not be. */
  over: () => void
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
  /** What else is under way. Default: that does not matter. */
  underWay?: UnderWay | undefined
}

export interface PageRead<Cursor, Row> {
  page: PageToWrite<Cursor, Row>
  /** To be called when it is written, or will not be. */
  over: () => void
}

/**
 * Reads the page at a stream's cursor and transforms it, while the next one is on its way where the operation reads ahead:
 * in memory are at most these two.
 */
export async function readPage<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  { share, mayAskAhead, underWay }: ReadPageOptions<Cursor>,
): Promise<PageRead<Cursor, Row>> {
  const { stream, cursor, pages, meter } = reading
  const { answer, over } = reading.asked ?? ask(operation, reading, cursor, underWay)
  reading.asked = undefined
  try {
    const { page: came, fetchedAt, span } = await answer
    const page = share(came)
    const { next } = page
    if (next !== null && JSON.stringify(next) === JSON.stringify(cursor))
      throw repeats(operation, cursor)
    const ahead = next !== null && (operation.readAhead ?? true) && mayAskAhead()
    if (ahead) reading.asked = ask(operation, reading, next, underWay)
    const sorted = await sortPage(operation.entity, page.records, page.kept)
    const requests = drain(meter)
    return { page: { stream: { ...stream, pages }, page, sorted, requests, fetchedAt, span }, over }
  } catch (error) {
    over()
    throw error
  }
}

function ask<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  cursor: Cursor,
  underWay: UnderWay | undefined,
): Asked<Cursor> {
  const { service, operation: name } = operation
  const { stream, tools } = reading
  const facts = () => ({ service, stream_id: stream.id })
  const parent = (reading.span ??= startSpan(`stream ${name}`, { facts }))
  const extract = async () => {
    tools.context.signal.throwIfAborted()
    const fetchedAt = new Date()
    const span = startSpan(`page ${name}`, { facts, parent })
    try {
      return { page: await span.run(() => operation.extract(cursor, tools)), fetchedAt, span }
    } catch (error) {
      span.end(error)
      throw error
    }
  }
  const { promise: isOver, resolve: over } = Promise.withResolvers<void>()
  const answer = underWay ? underWay.ask(extract, isOver) : extract()
  answer.catch(() => {}) // Awaited later, but perhaps not before it fails.
  return { answer, over }
}

/** Stops reading: no request of the stream is left under way, and each is counted in its meter. */
export async function stopReading<Cursor>(
  reading: Reading<Cursor>,
  reason: unknown,
): Promise<void> {
  reading.abort(reason)
  const { asked } = reading
  reading.asked = undefined
  await asked?.answer.catch(() => {})
  asked?.over()
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
