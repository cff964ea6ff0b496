import { z } from 'zod'

const common = {
  /** Only what contains this. Default: everything. */
  match: z.string().default(''),
  /** How many that match pass unharmed first. Default 0. */
  skip: z.int().min(0).default(0),
  /** How many it hits; null = until cleared. Default 1. */
  times: z.int().min(1).nullable().default(1),
}
const plainKinds = [
  /** 200 with an HTML page. */
  'html',
  /** Half a body, then the socket is destroyed; what was asked is done. */
  'truncate',
  /** The socket is destroyed before anything is done. */
  'reset',
  /** What was asked is done, then the socket is destroyed without an answer. */
  'lostAnswer',
  /** Never answers; nothing is done. */
  'hang',
  'invalidJson',
  /** An empty JSON object in place of the answer. */
  'wrongShape',
] as const

/** What befalls a request: `match` is sought in `METHOD /v1/path?query detail`, the detail as the log has it. */
export const requestFaultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(plainKinds), ...common }),
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    /** 'problem' is the contract's error, 'empty' none; an object is sent as it is. */
    body: z
      .union([z.enum(['problem', 'html', 'empty']), z.record(z.string(), z.unknown())])
      .default('problem'),
    /** The Retry-After header: seconds, or any text such as an HTTP date. Default: no header. */
    retryAfter: z.union([z.int(), z.string()]).optional(),
    ...common,
  }),
  /** Waits longer than the latency by `ms`. */
  z.strictObject({ kind: z.literal('slow'), ms: z.int().min(0), ...common }),
])
export type RequestFault = z.infer<typeof requestFaultSchema>

/** Those that leave no answer for another fault to spoil: each takes a request of its own. */
export const replacingKinds: ReadonlySet<string> = new Set([
  'status',
  'html',
  'reset',
  'lostAnswer',
  'hang',
])

export const errorCodes = [
  'unreadable_input',
  'unsupported_input',
  'fetch_failed',
  'content_blocked',
  'too_large',
  'timeout',
  'internal',
] as const
export type ErrorCode = (typeof errorCodes)[number]

const failure = {
  code: z.enum(errorCodes).default('internal'),
  message: z.string().default('a failure that was asked for'),
  retriable: z.boolean().default(false),
}

/** How the items of a job that ended are told wrong. */
export const shapes = [
  /** `result` is a text. */
  'resultText',
  /** Every feature is a number in place of what it should be. */
  'featuresNumbers',
  /** Confidences are percents. */
  'percents',
  /** The first item is missing. */
  'itemMissing',
  /** One more item, with an id that nobody sent. */
  'itemExtra',
  /** There is no `items`. */
  'noItems',
] as const
export type Shape = (typeof shapes)[number]

/** What becomes of a job, decided when it is accepted: `match` is sought in `key kind client_ref item ids`. */
export const jobFateSchema = z.discriminatedUnion('kind', [
  /** It fails as a whole, with an error and no items. */
  z.strictObject({ kind: z.literal('fails'), ...failure, ...common }),
  /** It runs for ever. */
  z.strictObject({ kind: z.literal('neverEnds'), ...common }),
  /** Its status is a word that nobody knows; `ends`: until its time. Default: for ever. */
  z.strictObject({
    kind: z.literal('unknownStatus'),
    word: z.string().min(1).default('hibernating'),
    ends: z.boolean().default(false),
    ...common,
  }),
  z.strictObject({ kind: z.literal('wrongShape'), how: z.enum(shapes), ...common }),
  /** Someone at the service cancels it at its time. */
  z.strictObject({ kind: z.literal('isCanceled'), ...common }),
  /** Accepted and forgotten: 404 ever after. */
  z.strictObject({ kind: z.literal('vanishes'), ...common }),
])
export type JobFate = z.infer<typeof jobFateSchema>

/** A failure of single items: `match` is sought in `item_id content text-or-address`. */
export const itemFateSchema = z.strictObject({
  kind: z.literal('fails').default('fails'),
  ...failure,
  ...common,
})
export type ItemFate = z.infer<typeof itemFateSchema>
