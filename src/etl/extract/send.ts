import { Agent, type Dispatcher } from 'undici'
import { Fault } from '../../errors.ts'
import type { Asked, RawAnswer } from './answer.ts'

/** In milliseconds. */
export interface Timeouts {
  /** To open a connection, TLS included. Default: 10,000. */
  connectMs?: number
  /** From sending to the head of the answer. Default: 30,000. */
  headersMs?: number
  /** Between two pieces of the body. Default: 30,000. */
  bodyMs?: number
  /** For one try altogether: who trickles on, a byte at a time, holds a stream up for ever. Default: 180,000. */
  totalMs?: number
}

export interface Outgoing {
  origin: string
  /** With its query. */
  path: string
  method: 'GET' | 'POST'
  headers: Record<string, string>
  body: string | null
  /** Larger answers fail as soon as they are. */
  maxBodyBytes: number
  totalMs: number
}

export interface Moments {
  /** Called at the moment the request leaves; false holds it back. */
  leaves(): boolean
  /** Called at the moment the head of the answer is there. */
  headCame(status: number): void
}

/** The slot's time had passed when the connection was there: nothing was sent. */
export class TooLate extends Error {}

export function createAgent({
  connectMs = 10_000,
  headersMs = 30_000,
  bodyMs = 30_000,
}: Timeouts): Agent {
  return new Agent({
    allowH2: false,
    pipelining: 1,
    connect: { timeout: connectMs },
    headersTimeout: headersMs,
    bodyTimeout: bodyMs,
    // Long enough that streams which take turns at a few requests a second keep theirs.
    keepAliveTimeout: 10_000,
  })
}

/**
 * Sends one request, once, and reads the whole answer; follows no redirect.
 * @throws TooLate when held back; the signal's reason; Fault `network` or, for an answer too large, `bad_answer`.
 */
export function sendOnce(
  agent: Agent,
  request: Outgoing,
  asked: Asked,
  moments: Moments,
  signal: AbortSignal,
): Promise<RawAnswer> {
  const { service, call } = asked
  return new Promise((resolve, reject) => {
    const answer: RawAnswer = { status: 0, headers: {}, body: Buffer.alloc(0) }
    const chunks: Buffer[] = []
    let bytes = 0
    let over = false
    let controller: Dispatcher.DispatchController | undefined

    const end = (act: () => void) => {
      if (over) return
      over = true
      clearTimeout(deadline)
      signal.removeEventListener('abort', abort)
      act()
    }
    const stop = (reason: unknown) => {
      end(() => reject(reason))
      controller?.abort(new Error('stopped'))
    }
    const abort = () => stop(signal.reason)
    const tooSlow = () =>
      stop(
        new Fault('network', `${call}: no whole answer within ${request.totalMs} ms`, { service }),
      )
    const deadline = setTimeout(tooSlow, request.totalMs)
    if (signal.aborted) return abort()
    signal.addEventListener('abort', abort, { once: true })

    const { origin, path, method, headers, body } = request
    agent.dispatch(
      { origin, path, method, headers, body },
      {
        onRequestStart(current) {
          // Thrown, not aborted: an abort would close the connection that the next slot wants to find open.
          if (over || !moments.leaves()) throw new TooLate(`${call}: the slot was missed`)
          controller = current
        },
        onResponseStart(_controller, status, head) {
          answer.status = status
          answer.headers = head
          moments.headCame(status)
        },
        onResponseData(_controller, chunk) {
          bytes += chunk.length
          chunks.push(chunk)
          if (bytes > request.maxBodyBytes) stop(tooLarge(asked, request.maxBodyBytes))
        },
        onResponseEnd: () => end(() => resolve({ ...answer, body: Buffer.concat(chunks, bytes) })),
        onResponseError: (_controller, error) =>
          end(() => reject(error instanceof TooLate ? error : networkFault(error, asked))),
      },
    )
  })
}

function tooLarge({ service, call }: Asked, maxBodyBytes: number): Fault {
  return new Fault('bad_answer', `${call}: the answer is larger than ${maxBodyBytes} bytes`, {
    service,
    retriable: false,
  })
}

/** undici's errors carry sockets, and pieces of what was read: only their words go further. */
function networkFault(error: Error, { service, call, hide }: Asked): Fault {
  const code = 'code' in error ? `${String(error.code)}: ` : ''
  const words = hide(`${code}${error.message || causes(error)}`)
  // A header value that HTTP does not allow, say: sent again, it is no better.
  if (code.startsWith('UND_ERR_INVALID_ARG'))
    return new Fault('settings', `${call}: ${words}`, { service })
  return new Fault('network', `${call}: ${words}`, { service })
}

/** A connection tried at several addresses fails with an error that has no words of its own. */
function causes(error: Error): string {
  return error instanceof AggregateError ? error.errors.map(String).join('; ') : error.name
}
