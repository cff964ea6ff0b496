import { z } from 'zod'

/** How a record of a page is made malformed. */
export const recordFlaws = [
  'idWord',
  'noId',
  'nullRecord',
  'nulCharacter',
  'noUser',
  'countWord',
] as const
export type RecordFlaw = (typeof recordFlaws)[number]

const common = {
  /** Only requests whose decoded `/instagram/path?query` or `/graph/path?query` contains this. */
  match: z.string().default(''),
  /** How many matching requests pass unharmed first. Default 0. */
  skip: z.int().min(0).default(0),
  /** How many requests it hits; null = until cleared. Default 1. */
  times: z.int().min(1).nullable().default(1),
}
const plainKinds = [
  /** 200 with an HTML page. */
  'html',
  /** Half a body, then the socket is destroyed. */
  'truncate',
  /** The socket is destroyed before an answer. */
  'reset',
  /** Never answers. */
  'hang',
  'invalidJson',
  /** Crawler: 200 with `status: "fail"` (B3). */
  'fail',
  /** Crawler 400, official 100: the cursor is not accepted. Only requests with a cursor. */
  'cursorRefused',
  /** The medium asked for vanished: 404, or 100 with subcode 33. */
  'goneMedia',
  /** The next cursor is the one that was asked with: choose requests with a cursor by `match`. */
  'repeatCursor',
  /** A page without records although more follow; the next cursor leads on. */
  'emptyPage',
] as const

export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.enum(plainKinds), ...common }),
  z.strictObject({
    kind: z.literal('status'),
    status: z.int().min(200).max(599),
    /** 'detail' is the upstream's usual error, 'empty' none; an object is sent as it is. */
    body: z
      .union([z.enum(['detail', 'html', 'empty']), z.record(z.string(), z.unknown())])
      .default('detail'),
    /** The Retry-After header: seconds, or any text. Default: no header, as the real one (B3). */
    retryAfter: z.union([z.int(), z.string()]).optional(),
    ...common,
  }),
  /** Waits longer than the latency by `ms`. */
  z.strictObject({ kind: z.literal('slow'), ms: z.int().min(0), ...common }),
  /** An error of the official API: upstreams/instagram.md, A3. */
  z.strictObject({
    kind: z.literal('graphError'),
    code: z.int(),
    subcode: z.int().optional(),
    ...common,
  }),
  z.strictObject({
    kind: z.literal('badRecord'),
    /** Positions in the page. Default: the first. */
    records: z.array(z.int().min(0)).default([0]),
    /** One for all, or a list given out in turn. Default 'idWord'. */
    how: z.union([z.enum(recordFlaws), z.array(z.enum(recordFlaws)).min(1)]).default('idWord'),
    ...common,
  }),
])

export const faultsSchema = z.array(faultSchema)
export type InstagramFault = z.infer<typeof faultSchema>

/** Those that leave no answer for another fault to spoil. */
export const replacingKinds: ReadonlySet<string> = new Set([
  'status',
  'html',
  'reset',
  'hang',
  'fail',
  'cursorRefused',
  'goneMedia',
  'graphError',
])
