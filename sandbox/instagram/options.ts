import { z } from 'zod'
import { amountSchema } from './amounts.ts'

const worldSchema = z.strictObject({
  /** Profiles that have posts of their own; up to 1,000,000. Default 200. */
  profiles: z.int().min(1).max(1_000_000),
  /** Users who only comment, like and follow. Default 100,000. */
  crowd: z.int().min(10).max(8_000_000),
  /** Posts in a profile's feed, up to 250,000. Default 0 to 60, few have many. */
  postsPerProfile: amountSchema,
  /** Top-level comments, up to 2,000,000; replies come on top. Default 0 to 120, few have many. */
  commentsPerPost: amountSchema,
  /** Users that the list of likers of a post gives. Default 0 to 40. */
  likers: amountSchema,
  /** Default 0 to 120 each. */
  followers: amountSchema,
  following: amountSchema,
  /** Stories of the last 24 hours. Default 0 to 6. */
  stories: amountSchema,
  /** Highlights of a profile, each of 1 to 8 items. Default 0 to 4. */
  highlights: amountSchema,
  /** The feed items that are reels, 0 to 1. Default 0.28. */
  reels: z.number().min(0).max(1),
  /** Posts with one more reel beside them that stands in the clips list only. Default 0.08. */
  clipsOnly: z.number().min(0).max(1),
  /**
   * Makes profile 0 (`giant.archive_0`) that large; `comments` is the sum over its posts,
   * none of them with replies. Default null.
   */
  giant: z
    .strictObject({ posts: z.int().min(1).max(250_000), comments: z.int().min(0) })
    .nullable(),
  /** Of each 100 profiles; default 5, 2 and 2. Renamed: `formerUsername` of the state is a 404. */
  privatePercent: z.int().min(0).max(100),
  gonePercent: z.int().min(0).max(100),
  renamedPercent: z.int().min(0).max(100),
  /** The same seed and sizes make the same world, to the letter. Default 1. */
  seed: z.int(),
  /**
   * Unix seconds at which the invented history ends, and the present: stories are younger than a
   * day by it. Default 2025-06-01T00:00:00Z, so that tomorrow's sandbox tells the same.
   */
  now: z.int(),
})

/** One token of the official API. */
const graphTokenSchema = z.strictObject({
  token: z.string().min(1),
  /** Numbers of the profiles it may read as its own; null = the first one that fits. Default null. */
  owns: z.array(z.int().min(0)).nullable().default(null),
  /** Any other than 'valid' is answered with 190 and its subcode. Default 'valid'. */
  state: z.enum(['valid', 'expired', 'removed', 'passwordChanged', 'invalid']).default('valid'),
})
export type GraphToken = z.infer<typeof graphTokenSchema>

export const settingsSchema = z.strictObject({
  /** From the arrival of an admitted request to its answer, in ms. Default 250. */
  latencyMs: z.int().min(0),
  /** Requests the crawler API admits in any 1,000 ms (upstreams/instagram.md, B3). Default 15. */
  perSecond: z.int().min(1),
  /** Requests left before 402. Default 10,000,000. */
  balance: z.int().min(0),
  /** The x-access-key that is accepted. Default 'sandbox-key'. */
  accessKey: z.string().min(1),
  /** How pk is told: as a JSON number here and a string there, or always one. Default 'mixed'. */
  ids: z.enum(['mixed', 'string', 'number']),
  /** Users a page of followers or following. Default 50. */
  peoplePerPage: z.int().min(1),
  /** How long an address of a file is good for, from its answer on, by the machine's clock. Default 172,800. */
  addressSeconds: z.int().min(0),
  /** Unix seconds that changes are stamped with; null = `now`, and a second more for each change. Default null. */
  clock: z.int().nullable(),
  /** Default one: 'sandbox-graph-token'. */
  graphTokens: z.array(graphTokenSchema),
  /** Calls the app may make in `appWindowMs` (200 x users, A3). Default 20,000 in an hour. */
  appCalls: z.int().min(1),
  appWindowMs: z.int().min(1),
  /** Calls for one own account in `accountWindowMs`: 80002 beyond. Default 48,000 in a day. */
  accountCalls: z.int().min(1),
  accountWindowMs: z.int().min(1),
  /** Whether comments beyond the first 50 can be paged to (A3: unconfirmed). Default true. */
  commentsPaging: z.boolean(),
})

/** What can be changed while it runs. */
export type InstagramSettings = z.output<typeof settingsSchema>
/** What is fixed when the sandbox starts. */
export type WorldOptions = z.output<typeof worldSchema>
export type InstagramOptions = z.input<typeof worldSchema> & z.input<typeof settingsSchema>

export const optionsSchema = worldSchema.extend(settingsSchema.shape)

export const defaultOptions: InstagramOptions = {
  profiles: 200,
  crowd: 100_000,
  postsPerProfile: { zero: 0.05, min: 1, max: 60, skew: 2.5 },
  commentsPerPost: { zero: 0.3, min: 1, max: 120, skew: 4 },
  likers: { zero: 0.1, min: 1, max: 40, skew: 2 },
  followers: { zero: 0.02, min: 1, max: 120, skew: 2 },
  following: { zero: 0.02, min: 1, max: 120, skew: 2 },
  stories: { zero: 0.5, min: 1, max: 6 },
  highlights: { zero: 0.4, min: 1, max: 4 },
  reels: 0.28,
  clipsOnly: 0.08,
  giant: null,
  privatePercent: 5,
  gonePercent: 2,
  renamedPercent: 2,
  seed: 1,
  now: 1_748_736_000,
  latencyMs: 250,
  perSecond: 15,
  balance: 10_000_000,
  accessKey: 'sandbox-key',
  ids: 'mixed',
  peoplePerPage: 50,
  addressSeconds: 172_800,
  clock: null,
  graphTokens: [{ token: 'sandbox-graph-token' }],
  appCalls: 20_000,
  appWindowMs: 3_600_000,
  accountCalls: 48_000,
  accountWindowMs: 86_400_000,
  commentsPaging: true,
}
