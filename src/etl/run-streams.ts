import { setTimeout } from 'node:timers/promises'
import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import { endStream, listOpenStreams, openStreams, type Seed } from '../db/service-calls.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Skipped } from '../errors.ts'
import { drain } from './extract/http-client.ts'
import { addUsage } from './extract/usage-meter.ts'
import { openHand } from './hand.ts'
import { openPageWriter } from './page-writer.ts'
import { pagesLeft } from './pages-left.ts'
import { isAhead, type Reading, readPages, startReading, stopReading } from './read-pages.ts'
import type { Operation, Page, StreamDeps, StreamProgress } from './stream.ts'
import {
  addFailure,
  endOf,
  type Failures,
  isDatabaseFault,
  stopsTheCall,
  streamsFailed,
} from './stream-failures.ts'
import { openStreamList } from './stream-list.ts'
import type { UnderWay } from './under-way.ts'
import type { PageToWrite, Written } from './write-pages.ts'

/** How often in a row the database may break off streams, with no page written in between, before the attempt ends. */
const mostLost = 20
/** A page that came sooner than this is not waited for while it is written: another stream is read meanwhile. */
const worthWaitingMs = 25
const longestWaitMs = 1000

/** Where streams begin; where there are very many, some at a time. */
export type Seeds = readonly StreamSeed[] | AsyncIterable<readonly StreamSeed[]>
type StreamSeed = Omit<Seed, 'operation'>

export interface RunStreamsOptions {
  /** How many requests are under way at most, each of a stream of its own. Default: 4. */
  parallel?: number
  /** How many pages of each stream are read now; what is left stays open, for another time. Default: all. */
  pages?: number
  /** Called after each page's transaction. */
  onPage?: () => void
  /**
   * Bounds the pages that a kill would have asked for again, where several share a bound: they are kept as soon as they come, so
   * that `alsoWrite` may get one that another process extracted. Default: `parallel` alone bounds them.
   */
  underWay?: UnderWay
}

/**
 * Reads streams of one operation to their ends: the seeds, those that an earlier attempt left open, and those that pages open
 * meanwhile. The ledger is the list of what is to do, so it may be long. Inside a stream, strictly one request follows
 * the other. A stream that fails is marked so and the others go on; what concerns the whole call (cancelled, token
 * refused, account blocked) stops them all.
 * @throws Fault `streams` at the end, if any stream of this operation failed.
 */
export async function runStreams<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  seeds: Seeds,
  { parallel = 4, pages = Infinity, onPage, underWay }: RunStreamsOptions = {},
): Promise<void> {
  const { db, lease, log, stopping } = deps
  const { service, operation: name } = operation
  const stop = new AbortController()
  const signal = AbortSignal.any([deps.signal, stop.signal])
  const patiently = <T>(work: () => Promise<T>) =>
    untilDatabaseAnswers(work, log, { signal: deps.signal })
  for await (const some of Symbol.asyncIterator in seeds ? seeds : [seeds]) {
    const named = some.map((seed) => ({ ...seed, operation: name }))
    await patiently(() => openStreams(db, lease, service, named))
  }

  const readEnough: string[] = []
  const list = openStreamList<Reading<Cursor>>(async (after, held) => {
    const options = { except: [...held, ...readEnough], after, limit: parallel * 16 }
    const found = await patiently(() => listOpenStreams(db, lease.call.id, operation, options))
    return found.map((stream) => startReading(stream, operation, signal))
  }, parallel * 4)
  const writer = openPageWriter(deps, operation)
  const isKept = underWay !== undefined || operation.readAhead === 'kept'
  const hand = isKept ? await patiently(() => openHand(deps, underWay)) : undefined
  const beingWritten = new Set<Promise<boolean>>()
  let failures: Failures | undefined
  const promised = new Map<string, number>() // Streams that idle lanes will find once a stream's page is written.
  let lanesBusy = 0
  let lost = 0 // Streams that the database broke off, since the last page that was written.
  let fatal: { error: unknown } | undefined

  const share = (page: Page<Cursor>, id: string): Page<Cursor> => {
    const lanes = parallel - lanesBusy - [...promised.values()].reduce((sum, n) => sum + n, 0)
    const { next } = page
    if (lanes <= 0 || next === null || !operation.split) return page
    const shared = operation.split({ ...page, next }, lanes)
    promised.set(id, shared.opens?.length ?? 0)
    return shared
  }

  const tell = ({ stream, ...reading }: Reading<Cursor>, status: StreamProgress['status']) => {
    const { pages: pagesRead, rows } = reading
    try {
      deps.onProgress?.({
        id: stream.id,
        service,
        operation: name,
        subject: stream.subject,
        pages: pagesRead,
        rows,
        left: status === 'open' ? pagesLeft(reading.cursor) : 0,
        status,
      })
    } catch (reason) {
      log.warn({ reason: String(reason) }, 'who watches the streams failed')
    }
  }

  const onPageWritten = (reading: Reading<Cursor>, page: Page<Cursor>, written: Written) => {
    lost = 0
    promised.delete(reading.stream.id)
    reading.pages++
    reading.read++
    reading.rows += written.counts.read
    if (page.next !== null) reading.cursor = page.next
    onPage?.()
    tell(reading, written.done ? 'done' : 'open')
    if (page.opens?.some((seed) => seed.operation === name)) list.more()
  }

  /** Answers whether the lane that read it goes on with it. */
  const onWritten = async (reading: Reading<Cursor>, isDone: boolean): Promise<boolean> => {
    if (!isDone && isAhead(reading)) return true
    // A page may be the last one since what it names next was erased meanwhile.
    if (isAhead(reading)) await stopReading(reading, 'the stream ended')
    if (!isDone && reading.read < pages) {
      list.putBack(reading)
      return false
    }
    if (!isDone) readEnough.push(reading.stream.id)
    reading.span?.end()
    list.drop(reading)
    return false
  }

  const onFailed = async (
    reading: Reading<Cursor>,
    thrown: unknown,
    unwritten: readonly PageToWrite<Cursor, Row>[] = [],
  ): Promise<void> => {
    const dropped = [...unwritten, ...(await stopReading(reading, thrown))]
    const error = isDatabaseAway(thrown) ? databaseFault(thrown) : thrown
    // A lost connection breaks off a page, not the call: the stream is taken again where the ledger has it.
    const again = isDatabaseFault(error) && ++lost <= mostLost && !signal.aborted
    const stops = stopsTheCall(error) || signal.aborted || stopping.aborted
    const end = stops || again ? undefined : endOf(error)
    // Requests that were made, though nothing of what they brought is written; those of a page at hand count when that is written.
    for (const { isAtHand, requests } of dropped)
      if (end || !isAtHand) addUsage(reading.meter, requests)
    const { id, subject } = reading.stream
    await patiently(async () => {
      const isOurs = await endStream(db, lease, id, drain(reading.meter), end)
      const isNoted = error instanceof Skipped && error.untilItChanges
      if (isOurs && end && isNoted) await operation.noteSkipped?.(db, subject)
    }).catch((reason) => {
      log.warn({ reason: String(reason), stream: id }, 'the end of a stream could not be written')
    })
    promised.delete(id)
    reading.span?.end(error)
    list.drop(reading)
    if (again) return list.more()
    if (stops) {
      fatal ??= { error }
      stop.abort(error)
      return list.close()
    }
    tell(reading, error instanceof Skipped ? 'skipped' : 'failed')
    if (error instanceof Skipped) return
    failures = addFailure(failures, error)
    log.warn({ err: error, stream: id, subject }, 'a stream failed')
  }

  const write = async (
    reading: Reading<Cursor>,
    some: PageToWrite<Cursor, Row>[],
  ): Promise<boolean> => {
    let written = 0
    let isDone = false
    try {
      const ends = writer.write(some)
      for (const end of ends) end.catch(() => {}) // Awaited one after the other, up to the first that fails.
      for (const end of ends) {
        const how = await end
        const page = some[written++]?.page
        if (page) onPageWritten(reading, page, how)
        isDone = how.done
      }
      return await onWritten(reading, isDone)
    } catch (error) {
      await onFailed(reading, error, some.slice(written))
      return false
    }
  }

  /**
   * Reads what comes next of a stream. It may still be being written when the lane is free for another one. Answers whether the lane
   * goes on with this one.
   */
  const readOne = async (reading: Reading<Cursor>): Promise<boolean> => {
    const begun = performance.now()
    try {
      const some = await readPages(operation, reading, {
        share: (one) => share(one, reading.stream.id),
        mayAskAhead: (asked) => asked < pages && !stopping.aborted,
        hand,
      })
      const opens = some.flatMap(({ page }) => page.opens ?? [])
      if (operation.split) promised.set(reading.stream.id, opens.length)
      const written = write(reading, some).finally(() => beingWritten.delete(written))
      beingWritten.add(written)
      const tookMs = performance.now() - begun
      if (operation.readAhead ?? true) return await written
      if (tookMs >= worthWaitingMs) await within(written, Math.min(tookMs, longestWaitMs))
    } catch (error) {
      await onFailed(reading, error)
    }
    return false
  }

  const lane = async (): Promise<void> => {
    while (true) {
      await writer.room()
      const reading = await list.take()
      if (!reading) return
      lanesBusy++
      while (await readOne(reading));
      lanesBusy--
    }
  }

  const close = () => list.close()
  stopping.addEventListener('abort', close, { once: true })
  signal.addEventListener('abort', close, { once: true })
  if (stopping.aborted || signal.aborted) close()
  const lanes = Array.from({ length: parallel }, () => lane().finally(close))
  const ended = await Promise.allSettled(lanes)
  await Promise.all(beingWritten)
  stopping.removeEventListener('abort', close)
  // A signal made of others that somebody listens to is kept for ever, with all that the listener holds.
  signal.removeEventListener('abort', close)
  const broken = ended.find((end) => end.status === 'rejected')
  if (fatal) throw fatal.error
  if (broken) throw broken.reason
  deps.signal.throwIfAborted()
  stopping.throwIfAborted()
  if (failures) throw streamsFailed(operation, failures)
}

/** Waits for work, so long at most. */
async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const over = new AbortController()
  await Promise.race([work, setTimeout(ms, undefined, { signal: over.signal }).catch(() => {})])
  over.abort()
}
