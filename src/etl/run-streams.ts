import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import {
  endStream,
  listOpenStreams,
  openStreams,
  type Seed,
  type ServiceCall,
  type StreamEnd,
} from '../db/service-calls.ts'
import { Fault, Parked, Skipped, toErrorRecord } from '../errors.ts'
import { newMeter } from './extract/http-client.ts'
import { drain, runStream } from './run-stream.ts'
import type { Operation, Page, StreamDeps } from './stream.ts'

export interface RunStreamsOptions {
  /** How many streams are read side by side. Default: 4. */
  parallel?: number
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
  { parallel = 4 }: RunStreamsOptions = {},
): Promise<void> {
  const { db, lease } = deps
  const { service } = operation
  await openStreams(
    db,
    lease.call.id,
    service,
    seeds.map((seed) => ({ ...seed, operation: operation.operation })),
  )

  const busy = new Set<string>()
  const failures: unknown[] = []
  const stop = new AbortController()
  const signal = AbortSignal.any([deps.signal, stop.signal])
  let promised = 0 // Streams that idle lanes will find once the page that opens them is written.
  let changed = Promise.withResolvers<void>()
  const tellLanes = () => {
    changed.resolve()
    changed = Promise.withResolvers()
  }
  const pick = oneAtATime(async (): Promise<ServiceCall | undefined> => {
    const [stream] = await listOpenStreams(
      db,
      lease.call.id,
      service,
      operation.operation,
      [...busy],
      1,
    )
    if (stream) busy.add(stream.id)
    return stream
  })
  const share = (page: Page<Cursor>): Page<Cursor> => {
    const lanes = parallel - busy.size - promised
    const { next } = page
    if (lanes <= 0 || next === null || !operation.split) return page
    const shared = operation.split({ ...page, next }, lanes)
    promised += shared.opens?.length ?? 0
    return shared
  }
  const onWritten = (page: Page<Cursor>) => {
    if (!page.opens?.length) return
    promised = Math.max(0, promised - page.opens.length)
    tellLanes()
  }

  const readOne = async (stream: ServiceCall): Promise<void> => {
    const meter = newMeter()
    try {
      await runStream(deps, operation, stream, { share, signal, meter, onWritten })
    } catch (thrown) {
      const error = isDatabaseAway(thrown) ? databaseFault(thrown) : thrown
      const fatal = stopsTheCall(error) || signal.aborted || deps.stopping.aborted
      const end = fatal ? undefined : endOf(error)
      await endStream(db, lease, stream.id, drain(meter), end).catch((reason: unknown) => {
        deps.log.warn(
          { reason: String(reason), stream: stream.id },
          'the end of a stream could not be written',
        )
      })
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
          tellLanes()
        })
      } else if (busy.size === 0) return
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

function endOf(error: unknown): StreamEnd {
  if (error instanceof Skipped) return { status: 'skipped', reason: error.message }
  return { status: 'failed', error: toErrorRecord(error) }
}

/** Whether an error concerns the whole call, not just the stream that met it. */
function stopsTheCall(error: unknown): boolean {
  if (error instanceof Parked) return true
  const kinds = [
    'unauthorized',
    'blocked',
    'database',
    'lease_lost',
    'cancelled',
    'interrupted',
    'settings',
  ]
  return error instanceof Fault && kinds.includes(error.kind)
}

function streamsFailed(
  { service, operation }: Pick<Operation<unknown, unknown>, 'service' | 'operation'>,
  failures: unknown[],
): Fault {
  const [first] = failures
  const reason = first instanceof Error ? first.message : String(first)
  const count = failures.length === 1 ? 'a stream' : `${failures.length} streams`
  return new Fault('streams', `${count} of ${service} ${operation} failed: ${reason}`, {
    service,
    hint: first instanceof Fault ? first.hint : undefined,
    retriable: failures.some((error) => error instanceof Fault && error.retriable),
  })
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
