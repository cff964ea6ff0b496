import type { QueryExecutorProvider } from 'kysely'
import { Parked } from '../../errors.ts'
import type { Logger } from '../../log.ts'
import { withSpan } from '../../tracing.ts'
import type { Answer } from './answer.ts'
import { createGate, type Gate } from './gate.ts'
import { longestWaitMs } from './quota.ts'
import { type Exchange, type Outcome, tryOnce } from './try-once.ts'
import { describe, outgoing, type Request, type Upstream } from './upstream.ts'
import { addUsage, createUsageMeter, type Usage } from './usage-meter.ts'
import { judgeHttp } from './verdict.ts'
import { orAbort, sleep } from './wait.ts'

export type { Request, Upstream }

/** What a stream's requests cost so far: counted up here, owned by the stream. */
export type Meter = Omit<Usage, 'credits'>

export const newMeter = (): Meter => ({
  requests: 0,
  retries: 0,
  rateLimited: 0,
  throttledMs: 0,
  bytes: 0,
})

/** Takes what was counted since the last time. */
export function drain(meter: Meter): Meter {
  const counted = { ...meter }
  Object.assign(meter, newMeter())
  return counted
}

export interface RequestContext {
  meter: Meter
  signal: AbortSignal
  /** No further try is begun once it fires: waits end with its reason, what is on its way is still answered. */
  patience?: AbortSignal
  /** 0 to 9, lower first. Default: 5. */
  priority?: number
}

export interface HttpClient {
  /**
   * Sends a request when the shared quota allows it, again while that may help (429, 5xx and network faults).
   * @throws HttpFault, Fault (see `judgeHttp`), Parked when asked to wait for more than a minute, the signals' reasons.
   */
  send(upstream: Upstream, request: Request, context: RequestContext): Promise<Answer>
  /** Notes credits spent in `ledger.upstream_usage`. */
  addCredits(service: string, credits: number): void
  close(): Promise<void>
}

export interface HttpClientOptions {
  db: QueryExecutorProvider
  log: Logger
  /** Names this process in the ledger. */
  worker: string
  /** How long to wait before each retry, in milliseconds. Default: 1000, 2000, 4000. */
  retryDelaysMs?: readonly number[]
}

export function createHttpClient(options: HttpClientOptions): HttpClient {
  const { db, log, worker, retryDelaysMs = [1000, 2000, 4000] } = options
  const usage = createUsageMeter({ db, log, worker })
  const gates = new Map<string, Gate>()

  function gateOf(upstream: Upstream): Gate {
    const key = `${upstream.service} ${upstream.account} ${upstream.windows?.endpoint ?? ''}`
    const gate = gates.get(key) ?? createGate({ db, log }, upstream)
    gates.set(key, gate)
    return gate
  }

  async function send(
    upstream: Upstream,
    request: Request,
    context: RequestContext,
  ): Promise<Answer> {
    const { service, account } = upstream
    const { signal, meter, patience, priority = 5 } = context
    const waiting = patience ? AbortSignal.any([signal, patience]) : signal
    const asked = describe(upstream, request)
    const exchange: Exchange = {
      db,
      log,
      worker,
      account,
      asked,
      priority,
      signal,
      waiting,
      gate: gateOf(upstream),
      request: outgoing(upstream, request),
      judge: (answer) => upstream.judge?.(answer) ?? judgeHttp(answer, service, upstream.settings),
      count: (used) => {
        addUsage(meter, used)
        usage.add(service, used)
      },
    }
    if (log.isLevelEnabled('trace')) {
      const query = asked.hide(request.query ?? '').slice(0, 500)
      log.trace({ service, call: asked.call, query }, 'ask')
    }
    for (let tried = 0; ; tried++) {
      const outcome = await traced(exchange, tried, meter, () =>
        orAbort(
          exchange.gate.whenRoom(priority, () => tryOnce(exchange)),
          signal,
        ),
      )
      if (outcome.answer) return outcome.answer
      const { fault, passing, left, waitMs } = outcome
      if (passing && waitMs !== undefined && waitMs > longestWaitMs) {
        throw new Parked(
          service,
          new Date(Date.now() + waitMs),
          `${fault.message}, and asks to wait`,
        )
      }
      const repeatable = !left || (request.idempotent ?? (request.method ?? 'GET') === 'GET')
      const delayMs = retryDelaysMs[tried]
      if (!passing || !repeatable || delayMs === undefined) throw fault
      await sleep(waitMs ?? delayMs * (1 + Math.random() / 10), waiting)
      if (left) await request.beforeAgain?.()
      exchange.count({ retries: 1 })
    }
  }

  return {
    send,
    addCredits: (service, credits) => usage.add(service, { credits }),
    async close() {
      await Promise.all([...gates.values()].map((gate) => gate.close()))
      await usage.close()
    },
  }
}

/** A span a try, from when it waits for its turn to its answer. */
async function traced(
  { asked, request }: Exchange,
  tried: number,
  meter: Meter,
  work: () => Promise<Outcome>,
): Promise<Outcome> {
  const facts = () => ({
    service: asked.service,
    call: asked.call,
    'http.request.method': request.method,
    'http.request.resend_count': tried,
  })
  return await withSpan(`request ${asked.service}`, { facts }, async (span) => {
    const before = meter.throttledMs
    const outcome = await work()
    const status = outcome.answer?.status
    span.set({ throttled_ms: meter.throttledMs - before, 'http.response.status_code': status })
    if (!outcome.answer) span.end(outcome.fault)
    return outcome
  })
}
