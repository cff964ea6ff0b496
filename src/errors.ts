/** Why an attempt or a stream ended badly. Operators filter the ledger by these words: `error->>'kind'`. */
export type ErrorKind =
  /** 401: the token is wrong, expired or revoked. */
  | 'unauthorized'
  /** The upstream shut the account out (amoCRM's HTML 403, an empty balance): the breaker is open. */
  | 'blocked'
  /** 403 about one resource: a right is missing, nothing else is touched. */
  | 'forbidden'
  /** 429 that outlived the client's retries. */
  | 'rate_limited'
  /** Any other 4xx: we asked for something the upstream does not understand or have. */
  | 'bad_request'
  | 'not_found'
  /** 5xx that outlived the client's retries. */
  | 'upstream'
  /** No whole answer: connection, time-out, reset. */
  | 'network'
  /** An answer that is not what its documentation says: HTML for JSON, a wrong shape, too large. */
  | 'bad_answer'
  | 'database'
  /** The process that held the lease stopped without giving it back. */
  | 'crashed'
  /** A person or SIGTERM stopped the process; the lease was given back. */
  | 'interrupted'
  | 'cancelled'
  /** Another attempt holds the lease now; this one must write nothing. */
  | 'lease_lost'
  /** Another call of the same job and subject is under way. */
  | 'busy'
  | 'settings'
  | 'params'
  /** Some streams of the call failed; each says why in its own row. */
  | 'streams'
  /** Some child calls failed; each says why in its own row. */
  | 'children'
  /** A fault of ours. */
  | 'bug'

/** What `job_calls.error` and `service_calls.error` hold. */
export interface ErrorRecord {
  kind: ErrorKind
  message: string
  service?: string
  /** What to do about it, as a sentence for a person. */
  hint?: string
}

export interface FaultOptions {
  service?: string | undefined
  hint?: string | undefined
  /** Whether another attempt, minutes later, may end better. Default: true for what passes by itself. */
  retriable?: boolean | undefined
  cause?: unknown
}

const passesByItself: ReadonlySet<ErrorKind> = new Set([
  'rate_limited',
  'upstream',
  'network',
  'bad_answer',
  'database',
  'crashed',
  'interrupted',
  'streams',
])

/** An error that says what was wrong, where, and what to do. Everything that is no `Fault` is a bug. */
export class Fault extends Error {
  readonly kind: ErrorKind
  readonly service: string | undefined
  readonly hint: string | undefined
  readonly retriable: boolean

  constructor(kind: ErrorKind, message: string, options: FaultOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'Fault'
    this.kind = kind
    this.service = options.service
    this.hint = options.hint
    this.retriable = options.retriable ?? passesByItself.has(kind)
  }
}

/**
 * The upstream asks for a wait that is too long to sleep in a worker (an hour's quota):
 * the call is parked as `waiting` and run again at `until`.
 */
export class Parked extends Error {
  readonly until: Date
  readonly service: string

  constructor(service: string, until: Date, reason: string) {
    super(`${service}: ${reason}; goes on at ${until.toISOString()}`)
    this.name = 'Parked'
    this.service = service
    this.until = until
  }
}

/** What the ledger keeps of an error. */
export function toErrorRecord(error: unknown): ErrorRecord {
  if (error instanceof Fault) {
    const { kind, message, service, hint } = error
    return { kind, message, ...(service && { service }), ...(hint && { hint }) }
  }
  if (error instanceof Parked) {
    const { message, service } = error
    return { kind: 'rate_limited', message, service }
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  return {
    kind: 'bug',
    message,
    hint: 'a fault of the program, not of the data: the log has its stack',
  }
}

/** Not a failure: the stream cannot or need not be read, and the ledger says why. */
export class Skipped extends Error {
  /** Nothing of its subject can be read as long as that stays as it is: it need not be asked for again before. Default: false. */
  readonly untilItChanges: boolean
  constructor(reason: string, { untilItChanges = false } = {}) {
    super(reason)
    this.name = 'Skipped'
    this.untilItChanges = untilItChanges
  }
}
