import { z } from 'zod'

/** What is fixed when the sandbox starts. */
export type DirectoryOptions = {
  /** People in the directory, at most 16,777,215. Default 120,000; none of them is kept in memory. */
  people: number
  /** The same seed and size make the same people, to the letter. Default 1. */
  seed: number
}

const perWindow = z.int().min(1)

export const settingsSchema = z.strictObject({
  /** From the arrival of a request to its answer, in ms. Default 300. */
  latencyMs: z.int().min(0),
  /** With it, each answer takes between the two (the real one: 300 to 3,000). Default null: always the same. */
  latencyMaxMs: z.int().min(0).nullable(),

  /** Requests of the search endpoint in a minute, hour and day (upstreams/apollo.md, 4). Defaults 200, 600, 2,000. */
  searchPerMinute: perWindow,
  searchPerHour: perWindow,
  searchPerDay: perWindow,
  /** The same of bulk enrichment, which is tighter. Defaults 100, 600, 2,000. */
  bulkPerMinute: perWindow,
  bulkPerHour: perWindow,
  bulkPerDay: perWindow,
  /** How long the windows last; tests shorten them. Defaults 60,000, 3,600,000, 86,400,000. */
  minuteMs: z.int().min(50),
  hourMs: z.int().min(50),
  dayMs: z.int().min(50),
  /** 'first call': a window begins with the first request after the last one ended; 'clock': with the minute of the clock. */
  windowsOpen: z.enum(['first call', 'clock']),
  /** How the day's headers are spelled; 'none': no rate headers at all. Default 'both'. */
  rateHeaders: z.enum(['daily', '24-hour', 'both', 'none']),
  /** Whether a 429 carries the rate headers too (unconfirmed). Default false. */
  headersOn429: z.boolean(),
  /** Whether a 429 says Retry-After (unconfirmed). Default false. */
  retryAfter: z.boolean(),

  /** Whether the search tells `linkedin_url`, which the documented one does not. Default false. */
  searchGivesLinkedin: z.boolean(),
  /** How many people of the page before come again on each page: the index moves while it is read. Default 0. */
  driftRows: z.int().min(0),
  /** The order inside a page changes with every request. Default false. */
  driftOrder: z.boolean(),

  /** Share of people that enrichment does not know. Default 0.05. */
  missRate: z.number().min(0).max(1),
  /** How a miss shows in `matches`. Default 'null'. */
  missesAs: z.enum(['null', 'omitted']),
  /** The balance that enrichment draws on, one credit per match; null = endless. Default null. */
  credits: z.int().min(0).nullable(),

  /** The key that is accepted. Default 'sandbox-key'. */
  key: z.string().min(1),
  /** Keys that are known and may not do this: 403 API_INACCESSIBLE. Default none. */
  scopedKeys: z.array(z.string().min(1)),
  /** What a 401 looks like; both were seen. Default 'json'. */
  unauthorizedAs: z.enum(['json', 'text']),
})

/** What can be changed while it runs. */
export type ApolloSettings = z.infer<typeof settingsSchema>

export type ApolloOptions = DirectoryOptions & ApolloSettings

export const defaultOptions: ApolloOptions = {
  people: 120_000,
  seed: 1,
  latencyMs: 300,
  latencyMaxMs: null,
  searchPerMinute: 200,
  searchPerHour: 600,
  searchPerDay: 2000,
  bulkPerMinute: 100,
  bulkPerHour: 600,
  bulkPerDay: 2000,
  minuteMs: 60_000,
  hourMs: 3_600_000,
  dayMs: 86_400_000,
  windowsOpen: 'first call',
  rateHeaders: 'both',
  headersOn429: false,
  retryAfter: false,
  searchGivesLinkedin: false,
  driftRows: 0,
  driftOrder: false,
  missRate: 0.05,
  missesAs: 'null',
  credits: null,
  key: 'sandbox-key',
  scopedKeys: [],
  unauthorizedAs: 'json',
}
