import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import {
  endStream,
  listOpenStreams,
  openStreams,
  type Seed,
  type ServiceCall,
} from '../db/service-calls.ts'
import { Skipped } from '../errors.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { newMeter } from './extract/http-client.ts'
import { drain, runStream } from './run-stream.ts'
import type { Operation, Page, StreamDeps } from './stream.ts'
import { endOf, isDatabaseFault, stopsTheCall, streamsFailed } from './stream-failures.ts'

/** How often in a row the database may break off streams, with no page written in between, before the attempt ends. */
const mostLost = 20

export interface RunStreamsOptions {
  /** How many streams are read side by side. Default: 4. */
  parallel?: number
  /** How many pages of each stream are read now; what is left stays open, for another time. Default: all. */
  pages?: number
  /** Called after each page's transaction. */
  onPage?: () => void
}

/**
 * Reads streams of one operation to their ends: the seeds, those that an earlier attempt left open, and those that pages open
 * meanwhile. The ledger is the list of what is to do, so it may be long. A stream that fails is marked so and the others go
 * on; what concerns the whole call (cancelled, token refused, account blocked) stops them all.
 * @throws Fault `streams` at the end, if any stream of this operation failed.
 */
export async function runStreams<Cursor, Row>(
  deps: StreamDeps,
  operation: Operation<Cursor, Row>,
  seeds: readonly Omit<Seed, 'operation'>[],
  { parallel = 4, pages = Infinity, onPage }: RunStreamsOptions = {},
): Promise<void> {
  const { db, lease } = deps
  const { service } = operation
  const named = seeds.map((seed) => ({ ...seed, operation: operation.operation }))
  const patiently = <T>(work: () => Promise<T>) =>
    untilDatabaseAnswers(work, deps.log, { signal: deps.signal })
  await patiently(() => openStreams(db, lease.call.id, service, named))

  const busy = new Set<string>()
  const readEnough = new Set<string>()
  const failures: unknown[] = []
  const stop = new AbortController()
  const signal = AbortSignal.any([deps.signal, stop.signal])
  const promised = new Map<string, number>() // Streams that idle lanes will find once a stream's page is written.
  let lost = 0 // Streams that the database broke off, since the last page that was written.
  let changed = Promise.withResolvers<void>()
  const tellLanes = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const pick = oneAtATime(async (): Promise<ServiceCall | undefined> => {
    const [stream] = await patiently(() =>
      listOpenStreams(db, lease.call.id, service, operation.operation, [...busy, ...readEnough], 1),
    )
    if (stream) busy.add(stream.id)
    return stream
  })
  const share = (page: Page<Cursor>, id: string): Page<Cursor> => {
    const lanes = parallel - busy.size - [...promised.values()].reduce((sum, n) => sum + n, 0)
    const { next } = page
    if (lanes <= 0 || next === null || !operation.split) return page
    const shared = operation.split({ ...page, next }, lanes)
    promised.set(id, shared.opens?.length ?? 0)
    return shared
  }
  const onWritten = (page: Page<Cursor>, id: string) => {
    lost = 0
    promised.delete(id)
    onPage?.()
    if (page.opens?.length) tellLanes()
  }

  const readOne = async (stream: ServiceCall): Promise<void> => {
    const meter = newMeter()
    try {
      await runStream(deps, operation, stream, {
        share: (page) => share(page, stream.id),
        onWritten: (page) => onWritten(page, stream.id),
        signal,
        meter,
        pages,
      })
      if (pages < Infinity) readEnough.add(stream.id)
    } catch (thrown) {
      const error = isDatabaseAway(thrown) ? databaseFault(thrown) : thrown
      // A lost connection breaks off a page, not the call: the stream is taken again where the ledger has it.
      const again = isDatabaseFault(error) && ++lost <= mostLost && !signal.aborted
      const fatal = stopsTheCall(error) || signal.aborted || deps.stopping.aborted
      const end = fatal || again ? undefined : endOf(error)
      const counts = drain(meter)
      await patiently(() => endStream(db, lease, stream.id, counts, end)).catch((reason) => {
        deps.log.warn(
          { reason: String(reason), stream: stream.id },
          'the end of a stream could not be written',
        )
      })
      if (again) return
      if (fatal) throw error
      if (error instanceof Skipped) return
      failures.push(error)
      deps.log.warn({ err: error, stream: stream.id, subject: stream.subject }, 'a stream failed')
    }
  }

  const lane = async (): Promise<void> => {
    while (!deps.stopping.aborted && !signal.aborted) {
      const waitForNews = changed.promise
      const stream = await pick()
      if (stream) {
        await readOne(stream).finally(() => {
          busy.delete(stream.id)
          promised.delete(stream.id)
          tellLanes()
        })
      } else if (waitForNews === changed.promise && busy.size === 0) return
      else await waitForNews
    }
  }
  const lanes = Array.from({ length: parallel }, () =>
    lane().catch((error: unknown) => {
      stop.abort(error)
      tellLanes()
      throw error
    }),
  )
  const ended = await Promise.allSettled(lanes)
  const fatal = ended.find((end) => end.status === 'rejected')
  if (fatal) throw stop.signal.reason ?? fatal.reason
  deps.signal.throwIfAborted()
  deps.stopping.throwIfAborted()
  if (failures.length > 0) throw streamsFailed(operation, failures)
}

/** Runs a function for one caller after the other. */
function oneAtATime<T>(work: () => Promise<T>): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const mine = last.then(work, work)
    last = mine.catch(() => {})
    return mine
  }
}
