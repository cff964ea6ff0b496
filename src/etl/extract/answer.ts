import { Fault } from '../../errors.ts'
import { parseJson } from './parse-json.ts'

/** What came over the wire, whole. */
export interface RawAnswer {
  status: number
  /** Names in lower case. */
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** An upstream's answer. */
export interface Answer {
  status: number
  headers: RawAnswer['headers']
  /** Size of the body. */
  bytes: number
  /** The body as it came: it may hold what must not be printed (`quote` is for printing). */
  text(): string
  /**
   * The body, parsed once; undefined for a 204. Integers of 16 or more digits are strings, so that none is lost.
   * @throws Fault `bad_answer` that quotes the first line of what is no JSON.
   */
  json(): unknown
  /** The body's first line, at most 200 characters, without secrets. */
  quote(): string
  isHtml: boolean
  /** It says of itself that it is JSON. */
  isJson: boolean
}

/** Who was asked what: `GET /api/v4/contacts`. */
export interface Asked {
  service: string
  call: string
  /** Takes the secrets out of a text. */
  hide: (text: string) => string
}

export function readAnswer(
  { status, headers, body }: RawAnswer,
  { service, call, hide }: Asked,
): Answer {
  const type = String(headers['content-type'] ?? '').toLowerCase()
  const start = body.subarray(0, 4096).toString('utf8').trim()
  const text = () => body.toString('utf8')
  const coding = String(headers['content-encoding'] ?? 'identity').toLowerCase()
  const quote = () => hide(start).split('\n', 1)[0]?.trim().slice(0, 200).toWellFormed() ?? ''
  let parsed: { value: unknown } | undefined
  return {
    status,
    headers,
    bytes: body.length,
    isJson: type.includes('json'),
    isHtml: type.includes('html') || /^<(!doctype|html|head|body)/i.test(start),
    text,
    quote,
    json() {
      if (status === 204) return undefined
      try {
        parsed ??= { value: parseJson(text()) }
      } catch {
        // The parser's own message quotes the body, secrets and all.
        const came = coding === 'identity' ? `"${quote()}"` : `${coding}, which was not asked for`
        throw new Fault('bad_answer', `${call}: JSON was due, not ${came}`, { service })
      }
      return parsed.value
    },
  }
}

/** A day, in milliseconds: a date far off, by mistake, must not stop an account for good. */
export const longestRestMs = 24 * 3_600_000

/**
 * What `Retry-After` asks for, in milliseconds from now, a day at most: seconds, or an HTTP date, which is read against the
 * answer's own `Date` where there is one. Undefined: it asks for nothing, as by 0, a date that has passed, and what is neither.
 */
export function retryAfterMs({ headers }: Pick<Answer, 'headers'>): number | undefined {
  const asked = String(headers['retry-after'] ?? '').trim()
  const waitMs = /^\d+(\.\d+)?$/.test(asked)
    ? Number(asked) * 1000
    : httpDate(asked) - (httpDate(headers['date']) || Date.now())
  return waitMs > 0 ? Math.min(waitMs, longestRestMs) : undefined
}

/** NaN for what is none: `Date.parse` alone takes `-5` for a date. Each of the three forms begins with the day of the week. */
function httpDate(text: unknown): number {
  return /^[a-z]{3,9},? /i.test(String(text)) ? Date.parse(String(text)) : Number.NaN
}
