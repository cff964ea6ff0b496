import { hideSecrets } from '../../log.ts'
import type { Answer, Asked } from './answer.ts'
import type { Windows } from './quota-windows.ts'
import type { Outgoing, Timeouts } from './send.ts'
import type { SettingNames, Verdict } from './verdict.ts'

/** An upstream account: where it is, what it allows, how it says no. */
export interface Upstream {
  service: string
  /** Key of quota and breaker: what the upstream counts by, such as its host. */
  account: string
  /** What stands before the path in the API's own documentation. */
  baseUrl: string
  /** Sent with each request. Secrets live here and nowhere else: no value is ever printed. */
  headers: Record<string, string>
  /** Sends in any second, over all processes. With `windows` it only says how many may be under way side by side. */
  perSecond: number
  /** What holds instead for an endpoint that counts by minute, hour and day. */
  windows?: Windows
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
  /** Of this request alone, beside the upstream's. No secrets. */
  headers?: Record<string, string>
  /** Sent as JSON. */
  body?: unknown
  /** Whether it may be sent again when it is unknown what came of it. Default: true for GET. */
  idempotent?: boolean
  /** Called before it is sent again when it is unknown what came of it. What it throws ends the sending. */
  beforeAgain?(): Promise<void>
}

const publicHeaders = new Set(['accept', 'content-type', 'user-agent'])

interface Known {
  hide: Asked['hide']
  origin: string
  /** What stands before each path. */
  prefix: string
}

const known = new WeakMap<Upstream, Known>()

/** What holds for all requests to an upstream: at thousands a second it is too dear to make anew for each. */
function knownOf(upstream: Upstream): Known {
  const found = known.get(upstream)
  if (found) return found
  const secrets = Object.entries(upstream.headers)
    .filter(([name]) => !publicHeaders.has(name.toLowerCase()))
    // `Bearer abc`: the scheme is none, but what follows it is one by itself.
    .flatMap(([, value]) => [value, value.split(' ').at(-1) ?? ''])
  const { origin, pathname } = new URL(upstream.baseUrl)
  const made = { hide: hideSecrets(secrets), origin, prefix: pathname.replace(/\/$/, '') }
  known.set(upstream, made)
  return made
}

/** The request as logs and errors name it, and what takes the upstream's secrets out of them. */
export function describe(upstream: Upstream, { method = 'GET', path }: Request): Asked {
  const { hide } = knownOf(upstream)
  return { service: upstream.service, call: hide(`${method} ${path}`), hide }
}

/** The request as it goes over the wire. */
export function outgoing(
  upstream: Upstream,
  { method = 'GET', path, query, headers, body }: Request,
): Outgoing {
  const { origin, prefix } = knownOf(upstream)
  return {
    origin,
    path: `${prefix}${path}${query ? `?${query}` : ''}`,
    method,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      ...upstream.headers,
      ...headers,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    maxBodyBytes: upstream.maxBodyBytes ?? 32 * 1024 * 1024,
    totalMs: upstream.timeouts?.totalMs ?? 180_000,
  }
}
