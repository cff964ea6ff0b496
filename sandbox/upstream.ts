import type { IncomingHttpHeaders } from 'node:http'
import type { Answer } from './http/answer.ts'

/** A request for an upstream, as its server would see it. */
export type Ask = {
  method: string
  /** Below the upstream's prefix: `/api/v4/contacts`. */
  path: string
  /** What follows the `?`, undecoded; '' where there is none. */
  search: string
  /** Bytes of the whole address as sent. */
  urlBytes: number
  /** As Node gives them, names in lower case. They hold tokens: never logged. */
  headers: IncomingHttpHeaders
  /** '' for a GET; cut at 1 MB. */
  body: string
  /** Bytes of the whole body. */
  bodyBytes: number
  /** Where the upstream seems to live for this client: `http://127.0.0.1:4010/amocrm`. */
  baseUrl: string
  /** Monotonic ms at which the request was seen. */
  arrivedMs: number
}

/** One call of the admin API, below `/_sandbox/<name of the upstream>`. */
export type AdminCall = {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  path: string
  /** Throws a ZodError for a body it does not understand; that becomes a 400. */
  handle(body: unknown, query: URLSearchParams): Answer
}

export type ResetPart = 'world' | 'settings' | 'faults' | 'log'

/**
 * The seam: all that the server knows about an upstream. A new one is a folder that exports a
 * function returning this, and a line in server.ts.
 */
export type Upstream = {
  name: string
  /** What stands before the upstream's real paths, `/amocrm`. */
  prefix: string
  /** One line for a person. */
  serves: string
  answer(ask: Ask): Answer
  /** How many ids a query or a body names; for the log. */
  idsAsked(search: string, body: string): number
  /** What the log keeps of a body, in a few words: never a key. Default: nothing. */
  detail?(body: string): string
  /** The query as the log may hold it, where it can hold a token. Default: as it came. */
  loggedSearch?(search: string): string
  admin: readonly AdminCall[]
  /** What may be shown to anyone: no tokens. */
  settings(): Record<string, unknown>
  reset(part: ResetPart): void
}
