import type { OpenStream } from '../db/service-calls.ts'
import { Fault } from '../errors.ts'
import { type Span, startSpan } from '../tracing.ts'
import { drain, type Meter, newMeter } from './extract/http-client.ts'
import { addUsage } from './extract/usage-meter.ts'
import { type Came, type Hand, tellsNext } from './hand.ts'
import { sortPage } from './sort-page.ts'
import type { ExtractTools, Operation, Page } from './stream.ts'
import type { PageToWrite } from './write-pages.ts'

/** A stream that is being read, as it stands in memory. */
export interface Reading<Cursor> {
  stream: Pick<OpenStream, 'id' | 'subject'>
  cursor: Cursor
  pages: number
  rows: number
  /** What its requests cost, since that was last written down. */
  meter: Meter
  /** Pages written by this process. */
  read: number
  /** An attempt before may have had its next page at hand. */
  resumed: boolean
  /** Pages that came and are not being written yet, in their order. */
  came: CameAt<Cursor>[]
  /** The page after those, while it is on its way: it is the last of those that came, then. */
  asked?: Promise<void> | undefined
  tools: ExtractTools
  /** From its first page in this process on. */
  span?: Span
  /** Aborts what was asked for ahead. */
  abort: (reason: unknown) => void
}

/** A page, with how many pages the stream had before it. */
type CameAt<Cursor> = Came<Cursor> & { pages: number }

/** What is at hand for the next transaction where one more page is asked for, at most: small pages are written together. */
const enoughRecords = 50
const enoughPages = 5

export function startReading<Cursor, Row>(
  stream: OpenStream,
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
    resumed: true,
    came: [],
    tools: { subject: stream.subject, serviceCallId: stream.id, context },
    abort: (reason) => failed?.abort(reason),
  }
}

export interface ReadPagesOptions<Cursor> {
  /** Gives part of what is left to idle lanes, where there are some and the operation can. */
  share: (page: Page<Cursor>) => Page<Cursor>
  /** Whether a page may be asked for ahead, where so many were asked for by this process. */
  mayAskAhead: (asked: number) => boolean
  /** Where pages are kept until they are written. Default: nowhere. */
  hand?: Hand | undefined
}

/** Whether pages of the stream came already, or were asked for. */
export const isAhead = ({ came, asked }: Reading<unknown>): boolean =>
  came.length > 0 || asked !== undefined

/**
 * Reads the page at a stream's cursor, and those after it that came already: what is to be written in one transaction. The next
 * one is on its way then, where the operation reads ahead. Where pages are kept, reading ahead goes on until enough of them came;
 * else in memory are at most the page that is written and the one after it.
 */
export async function readPages<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  options: ReadPagesOptions<Cursor>,
): Promise<PageToWrite<Cursor, Row>[]> {
  const { stream, pages, cursor } = reading
  if (!isAhead(reading)) ask(operation, reading, { pages, cursor }, options)
  if (reading.came.length === 0) await reading.asked
  const came = reading.came.splice(0)
  const last = came.at(-1)
  if (last && !reading.asked) askAhead(operation, reading, last, options)
  const toWrite: PageToWrite<Cursor, Row>[] = []
  for (const { pages: before, ...one } of came) {
    const sorted = await sortPage(operation.entity, one.page.records, one.page.kept)
    toWrite.push({ ...one, stream: { ...stream, pages: before }, sorted })
  }
  return toWrite
}

function askAhead<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  came: CameAt<Cursor>,
  options: ReadPagesOptions<Cursor>,
): void {
  const { next: cursor } = came.page
  const pages = came.pages + 1
  const asked = pages - (reading.pages - reading.read)
  const isOver = reading.tools.context.signal.aborted
  const mayAsk = !isOver && mayBeReadPast(operation, came) && options.mayAskAhead(asked)
  if (mayAsk && cursor !== null) ask(operation, reading, { pages, cursor }, options)
}

/** Whether the page after it may be asked for before it is written. */
function mayBeReadPast<Cursor, Row>(
  { readAhead = true }: Operation<Cursor, Row>,
  { page, isAtHand = false }: CameAt<Cursor>,
): boolean {
  return tellsNext(page) && (readAhead === 'kept' ? isAtHand : readAhead)
}

function ask<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  place: { pages: number; cursor: Cursor },
  options: ReadPagesOptions<Cursor>,
): void {
  const { pages, cursor } = place
  const come = async () => {
    const one = { ...(await atHandOrAsked(operation, reading, place, options)), pages }
    const { next } = one.page
    if (next !== null && JSON.stringify(next) === JSON.stringify(cursor)) {
      addUsage(reading.meter, one.requests)
      throw repeats(operation, cursor)
    }
    reading.came.push(one)
    reading.asked = undefined
    const records = reading.came.reduce((sum, { page }) => sum + page.records.length, 0)
    const isEnough = records >= enoughRecords || reading.came.length >= enoughPages
    if (one.isAtHand && !isEnough) askAhead(operation, reading, one, options)
  }
  reading.asked = come()
  reading.asked.catch(() => {}) // Awaited later, but perhaps not before it fails.
}

async function atHandOrAsked<Cursor, Row>(
  operation: Operation<Cursor, Row>,
  reading: Reading<Cursor>,
  { pages, cursor }: { pages: number; cursor: Cursor },
  { share, hand }: ReadPagesOptions<Cursor>,
): Promise<Came<Cursor>> {
  const { service, operation: name } = operation
  const { stream, tools } = reading
  const facts = () => ({ service, stream_id: stream.id })
  const parent = (reading.span ??= startSpan(`stream ${name}`, { facts }))
  const extract = async (): Promise<Came<Cursor>> => {
    tools.context.signal.throwIfAborted()
    const fetchedAt = new Date()
    const span = startSpan(`page ${name}`, { facts, parent })
    try {
      const page = await span.run(() => operation.extract(cursor, tools))
      return { page: share(page), fetchedAt, requests: drain(tools.context.meter), span }
    } catch (error) {
      span.end(error)
      throw error
    }
  }
  if (!hand) return await extract()
  const place = { id: stream.id, pages, cursor }
  const held = reading.resumed ? await hand.held<Cursor>(place) : undefined
  reading.resumed = held !== undefined
  return held ?? (await hand.ask(place, extract))
}

/** Stops reading: no request of the stream is left under way. Answers the pages that came and will not be written. */
export async function stopReading<Cursor>(
  reading: Reading<Cursor>,
  reason: unknown,
): Promise<Came<Cursor>[]> {
  reading.abort(reason)
  await reading.asked?.catch(() => {})
  reading.asked = undefined
  const came = reading.came.splice(0)
  for (const { span } of came) span?.end(reason)
  return came
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
