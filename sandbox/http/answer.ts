/** How an answer goes out; everything but `whole` is a fault. */
export type Delivery = 'whole' | 'half' | 'reset' | 'never'

/** An answer as a value, so that faults can spoil it before it is sent. */
export type Answer = {
  status: number
  contentType?: string
  headers?: Record<string, string>
  /** Serialised when sent. At most one of json, text and stream is given; none is an empty body. */
  json?: unknown
  text?: string
  stream?: Iterable<string>
  /** Records in it, for the log. */
  rows?: number
  /** Default 'whole'. */
  delivery?: Delivery
  /** Waited before the first byte, in ms. Default 0. */
  delayMs?: number
}

export const HAL = 'application/hal+json'
export const PROBLEM = 'application/problem+json'
export const HTML = 'text/html; charset=utf-8'
export const NDJSON = 'application/x-ndjson; charset=utf-8'

export function json(status: number, body: unknown): Answer {
  return { status, contentType: 'application/json; charset=utf-8', json: body }
}

export function ndjson(records: Iterable<unknown>): Answer {
  return { status: 200, contentType: NDJSON, stream: toLines(records) }
}

function* toLines(records: Iterable<unknown>): Generator<string> {
  // Chunks, since one write a record costs more than the record.
  let chunk = ''
  for (const record of records) {
    chunk += `${JSON.stringify(record)}\n`
    if (chunk.length > 65_536) {
      yield chunk
      chunk = ''
    }
  }
  if (chunk !== '') yield chunk
}
