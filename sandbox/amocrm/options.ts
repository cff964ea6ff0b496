import { z } from 'zod'

/** What is fixed when the sandbox starts. */
export type WorldOptions = {
  /** Default 2,000. */
  companies: number
  /** Default 25,000. */
  contacts: number
  /** The same seed, sizes and `now` make the same world, to the letter. Default 1. */
  seed: number
  /**
   * Unix seconds at which the invented history ends. Default 2025-06-01T00:00:00Z: a fixed day, so
   * that a sandbox started again tomorrow tells the same and nobody sees 25,000 changes.
   */
  now: number
}

export const settingsSchema = z.strictObject({
  /** From the arrival of an admitted request to its answer, in ms. Default 250. */
  latencyMs: z.int().min(0),
  /** Requests an integration (a token) may send in any 1,000 ms (upstreams/amocrm.md, 5). Default 7. */
  perSecond: z.int().min(1),
  /** The same over all integrations of the account. Default 50. */
  accountPerSecond: z.int().min(1),
  /** So many 429s within `blockWindowMs` block the account; null = never. Default 10. */
  blockAfter429s: z.int().min(1).nullable(),
  /** Default 10,000. */
  blockWindowMs: z.int().min(1),
  /** `is_api_filter_enabled`; when false, every filter of a list is ignored. Default true. */
  filtersEnabled: z.boolean(),
  /** `_links.next` although the next page is empty. Default false. */
  phantomNext: z.boolean(),
  /** A longer address is answered with 414. Default 8,192. */
  maxUrlBytes: z.int().min(100),
  /** Rows that a links answer is cut to (the cap is unconfirmed); null = all. Default null. */
  linksMaxRows: z.int().min(1).nullable(),
  /** Unix seconds that changes are stamped with; null = real time. Default null. */
  clock: z.int().nullable(),
  /** The token that is accepted. Default 'sandbox-token'. */
  token: z.string().min(1),
  /** Tokens of other integrations of the account, each with its own `perSecond`. Default none. */
  moreTokens: z.array(z.string().min(1)),
})

/** What can be changed while it runs. */
export type AmocrmSettings = z.infer<typeof settingsSchema>

export type AmocrmOptions = WorldOptions & AmocrmSettings

export const defaultOptions: AmocrmOptions = {
  companies: 2000,
  contacts: 25_000,
  seed: 1,
  now: 1_748_736_000,
  latencyMs: 250,
  perSecond: 7,
  accountPerSecond: 50,
  blockAfter429s: 10,
  blockWindowMs: 10_000,
  filtersEnabled: true,
  phantomNext: false,
  maxUrlBytes: 8192,
  linksMaxRows: null,
  clock: null,
  token: 'sandbox-token',
  moreTokens: [],
}
