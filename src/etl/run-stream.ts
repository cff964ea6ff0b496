import type { ServiceCall } from '../db/service-calls.ts'
import { Fault } from '../errors.ts'
import { type Meter, newMeter } from './extract/http-client.ts'
import { sortPage } from './sort-page.ts'
import type { ExtractTools, Operation, Page, StreamDeps } from './stream.ts'
import { writePage } from './write-page.ts'

export interface RunStreamOptions<Cursor> {
  /** Gives part of what is left to idle lanes, where there are some and the operation can. */
  share: (page: Page<Cursor>) => Page<Cursor>
  /** Hard stop: aborts the requests in flight. */
  signal: AbortSignal
  meter: Meter
  /** How many pages to read now, at most. */
  pages: number
  /** Called after each page's transaction. */
  onWritten: (page: Page<Cursor>) => void
}

/**
 * Reads one stream to its end (or so many pages of it), page after page, strictly one request after the other: while
 * a page is transformed and written, the next one is on its way. In memory are at most these two. When it ends, by an error too,
 * no request of it is left under way, and each is counted in the meter.
 */
export async function runStream<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  stream: ServiceCall,
  { share, signal, meter, pages: most, onWritten }: RunStreamOptions<Cursor>,
): Promise<void> {
  const { subject } = stream
  const failed = new AbortController()
  const context = { meter, signal: AbortSignal.any([signal, failed.signal]) }
  const tools: ExtractTools = { subject, serviceCallId: stream.id, context }
  const ask = (cursor: Cursor) => {
    const fetchedAt = new Date()
    const page = operation.extract(cursor, tools)
    page.catch(() => {}) // Awaited below, but perhaps not before it fails.
    return { page, fetchedAt }
  }

  let cursor = stream.cursor as Cursor
  let asked = ask(cursor)
  let rows = stream.rows_read
  try {
    for (let pages = stream.pages; ; pages++) {
      const { fetchedAt } = asked
      const page = share(await asked.page)
      const { next } = page
      if (next !== null && JSON.stringify(next) === JSON.stringify(cursor))
        throw repeats(operation, cursor)
      const last = next === null || pages + 1 - stream.pages >= most
      const ahead = last || deps.stopping.aborted ? undefined : ask(next)
      asked = ahead ?? asked
      const sorted = await sortPage(operation.entity, page.records)
      const counts = await writePage(deps, operation, {
        stream: { id: stream.id, pages, subject },
        page,
        sorted,
        requests: drain(meter),
        fetchedAt,
      })
      rows += counts.read
      onWritten(page)
      deps.onProgress?.(progressOf(operation, stream, pages + 1, rows, page))
      if (last) return
      if (!ahead) throw deps.stopping.reason
      cursor = next
    }
  } catch (error) {
    failed.abort(error)
    await asked.page.catch(() => {})
    throw error
  }
}

/** Takes what was counted since the last time. */
export function drain(meter: Meter): Meter {
  const counted = { ...meter }
  Object.assign(meter, newMeter())
  return counted
}

function progressOf<Cursor, Row>(
  { service, operation }: Operation<Cursor, Row>,
  { id, subject }: ServiceCall,
  pages: number,
  rows: number,
  page: Page<Cursor>,
) {
  const status = page.next === null ? 'done' : 'open'
  return { id, service, operation, subject, pages, rows, status } as const
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
