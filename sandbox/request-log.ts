/** One request to an upstream, as `GET /_sandbox/log` tells it. Holds no header of the request. */
export type LogEntry = {
  n: number
  upstream: string
  /** Monotonic ms of this process, the same scale in all entries. */
  at: number
  /** Wall clock, ISO. */
  time: string
  method: string
  path: string
  /** Decoded, for reading; cut at 2,000 characters. */
  query: string
  /** What its upstream tells of the body; cut at 300 characters. */
  detail: string
  /** Ids named in the filters or in the body. */
  ids: number
  /** Requests being answered, this one included, when it came. */
  inFlight: number
  /** null while it is being answered; 499 when the client left first; 0 when no answer was given. */
  status: number | null
  ms: number | null
  /** Records in the answer. */
  rows: number
}

export type RequestLog = {
  add(entry: LogEntry): void
  /** Entries after `n`, oldest first; the oldest are forgotten beyond the limit. */
  since(n: number): LogEntry[]
  last(count: number): LogEntry[]
  clear(): void
}

const MAX_QUERY = 2000

/** Keeps the last `limit` entries. Default 5,000: 20 MB at the very most. */
export function createRequestLog(limit = 5000): RequestLog {
  let entries: LogEntry[] = []
  return {
    add(entry) {
      entries.push(entry)
      if (entries.length >= limit * 2) entries = entries.slice(-limit)
    },
    since(n) {
      return entries.slice(-limit).filter((entry) => entry.n > n)
    },
    last(count) {
      return entries.slice(-Math.min(count, limit))
    },
    clear() {
      entries = []
    },
  }
}

export function readableQuery(search: string): string {
  let readable = search
  try {
    readable = decodeURIComponent(search)
  } catch {
    // Not decodable: shown as it came.
  }
  if (readable.length <= MAX_QUERY) return readable
  // Copied through a Buffer: a slice would keep the whole long address in memory.
  return `${Buffer.from(readable.slice(0, MAX_QUERY)).toString()}…`
}
