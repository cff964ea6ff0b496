import type { QueryExecutorProvider } from 'kysely'
import { Parked } from '../../errors.ts'
import { hideSecrets, type Logger } from '../../log.ts'
import type { Answer, Asked } from './answer.ts'
import { createGate, type Gate } from './gate.ts'
import { longestWaitMs } from './quota-per-second.ts'
import type { Outgoing, Timeouts } from './send.ts'
import { type Exchange, tryOnce } from './try-once.ts'
import { addUsage, createUsageMeter, type Usage } from './usage-meter.ts'
import { judgeHttp, type SettingNames, type Verdict } from './verdict.ts'
import { orAbort, sleep } from './wait.ts'

/** An upstream account: where it is, what it allows, how it says no. */
export interface Upstream {
  service: string
  /** Key of quota and breaker: what the upstream counts by, such as its host. */
  account: string
  /** What stands before the path in the API's own documentation. */
  baseUrl: string
  /** Sent with each request. Secrets live here and nowhere else: no value is ever printed. */
  headers: Record<string, string>
  /** Sends in any second, over all processes. */
  perSecond: number
  /** Named in hints. */
  settings: SettingNames
  timeouts?: Timeouts
  /** Default: 32 MiB. */
  maxBodyBytes?: number
  /** Requests of this process under way at most. Default: what four seconds allow, at least 10. */
  maxInFlight?: number
  /** What an answer means where the service differs from plain HTTP; undefined: it does not. */
  judge?(answer: Answer): Verdict | undefined
}

export interface Request {
  /** Default: GET. */
  method?: 'GET' | 'POST'
  /** Appears in logs and errors. */
  path: string
  /** Without its question mark, encoded. Appears in logs at trace only. */
  query?: string
  /** Sent as JSON. */
  body?: unknown
  /** Whether it may be sent again when it is unknown what came of it. Default: true for GET. */
  idempotent?: boolean
}

/** What a stream's requests cost so far: counted up here, owned by the stream. */
export type Meter = Omit<Usage, 'credits'>

export const newMeter = (): Meter => ({
  requests: 0,
  retries: 0,
  rateLimited: 0,
  throttledMs: 0,
  bytes: 0,
})

export interface RequestContext {
  meter: Meter
  signal: AbortSignal
  /** 0 to 9, lower first. Default: 5. */
  priority?: number
}

export interface HttpClient {
  /**
   * Sends a request when the shared quota allows it, again while that may help (429, 5xx and network faults).
   * @throws HttpFault, Fault (see `judgeHttp`), Parked when asked to wait for more than a minute, the signal's reason.
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
    const key = `${upstream.service} ${upstream.account}`
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
    const { signal, meter, priority = 5 } = context
    const asked = describe(upstream, request)
    const exchange: Exchange = {
      db,
      log,
      worker,
      account,
      asked,
      priority,
      signal,
      gate: gateOf(upstream),
      request: outgoing(upstream, request),
      judge: (answer) => upstream.judge?.(answer) ?? judgeHttp(answer, service, upstream.settings),
      count: (used) => {
        addUsage(meter, used)
        usage.add(service, used)
      },
    }
    log.trace(
      { service, call: asked.call, query: asked.hide(request.query ?? '').slice(0, 500) },
      'ask',
    )
    for (let tried = 0; ; tried++) {
      const outcome = await orAbort(
        exchange.gate.whenRoom(priority, () => tryOnce(exchange)),
        signal,
      )
      if (outcome.answer) return outcome.answer
      const { fault, passing, left, waitMs } = outcome
      if (passing && waitMs !== undefined && waitMs > longestWaitMs) {
        throw new Parked(service, new Date(Date.now() + waitMs), `${fault.message}, Retry-After`)
      }
      const repeatable = !left || (request.idempotent ?? (request.method ?? 'GET') === 'GET')
      const delayMs = retryDelaysMs[tried]
      if (!passing || !repeatable || delayMs === undefined) throw fault
      exchange.count({ retries: 1 })
      await sleep(waitMs ?? delayMs * (1 + Math.random() / 10), signal)
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

const publicHeaders = new Set(['accept', 'content-type', 'user-agent'])

function describe({ service, headers }: Upstream, { method = 'GET', path }: Request): Asked {
  const secrets = Object.entries(headers)
    .filter(([name]) => !publicHeaders.has(name.toLowerCase()))
    // `Bearer abc`: the scheme is none, but what follows it is one by itself.
    .flatMap(([, value]) => [value, value.split(' ').at(-1) ?? ''])
  const hide = hideSecrets(secrets)
  return { service, call: hide(`${method} ${path}`), hide }
}

function outgoing(upstream: Upstream, { method = 'GET', path, query, body }: Request): Outgoing {
  const { origin, pathname } = new URL(upstream.baseUrl)
  return {
    origin,
    path: `${pathname.replace(/\/$/, '')}${path}${query ? `?${query}` : ''}`,
    method,
    headers: {
      accept: 'application/json',
      ...upstream.headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    maxBodyBytes: upstream.maxBodyBytes ?? 32 * 1024 * 1024,
    totalMs: upstream.timeouts?.totalMs ?? 180_000,
  }
}
