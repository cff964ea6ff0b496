import { z } from 'zod'

/** How a record of a page is made malformed. */
export const recordFlaws = [
  'idWord',
  'noId',
  'nameNumber',
  'customFieldsShape',
  'nullRecord',
  'nulCharacter',
] as const
export type RecordFlaw = (typeof recordFlaws)[number]

const common = {
  /** Only requests whose decoded `path?query` contains this. Default: every request. */
  match: z.string().default(''),
  /** How many matching requests pass unharmed first. Default 0. */
  skip: z.int().min(0).default(0),
  /** How many requests it hits; null = until cleared. Default 1. */
  times: z.int().min(1).nullable().default(1),
}

const plain = (kind: PlainKind) => z.strictObject({ kind: z.literal(kind), ...common })

type PlainKind =
  | 'html'
  | 'truncate'
  | 'reset'
  | 'hang'
  | 'invalidJson'
  | 'wrongShape'
  | 'ignoreFilter'
  | 'noNext'
  | 'repeatPage'

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    /** 'html' and 'problem' are made to fit; 'empty' is none; an object is sent as a problem body. */
    body: z
      .union([z.enum(['html', 'problem', 'empty']), z.record(z.string(), z.unknown())])
      .default('html'),
    /** The Retry-After header: seconds, or any text such as an HTTP date. Default: no header. */
    retryAfter: z.union([z.int(), z.string()]).optional(),
    ...common,
  }),
  /** Waits longer than the upstream's latency by `ms`. */
  z.strictObject({ kind: z.literal('slow'), ms: z.int().min(0), ...common }),
  z.strictObject({
    kind: z.literal('badRecord'),
    /** Positions in the page. Default: the first, unless `ids` is given. */
    records: z.array(z.int().min(0)).optional(),
    /** Or the records with these ids, wherever they turn up. */
    ids: z.array(z.int()).optional(),
    /** One for all, or a list given out in turn. Default 'idWord'. */
    how: z.union([z.enum(recordFlaws), z.array(z.enum(recordFlaws)).min(1)]).default('idWord'),
    ...common,
  }),
  /** Streams an answer of `mb` megabytes. Default 60. */
  z.strictObject({ kind: z.literal('huge'), mb: z.int().min(1).max(1000).default(60), ...common }),
  /** 200 with an HTML page. */
  plain('html'),
  /** Half a body, then the socket is destroyed. */
  plain('truncate'),
  /** The socket is destroyed before an answer. */
  plain('reset'),
  /** Never answers. */
  plain('hang'),
  plain('invalidJson'),
  /** `_embedded`, or the lists at the top, are missing. */
  plain('wrongShape'),
  /** Filters are ignored although the account says that they are on. */
  plain('ignoreFilter'),
  /** No `_links.next`, although there is more. */
  plain('noNext'),
  /** The page before the one that was asked for. */
  plain('repeatPage'),
])

export const faultsSchema = z.array(faultSchema)
export type Fault = z.infer<typeof faultSchema>
export type BadRecordFault = Extract<Fault, { kind: 'badRecord' }>
