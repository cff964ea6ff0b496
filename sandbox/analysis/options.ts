import { z } from 'zod'

export const settingsSchema = z.strictObject({
  /** From the arrival of a request to its answer, in ms; the work begins at arrival. Default 100. */
  latencyMs: z.int().min(0),
  /** Requests admitted in any 1,000 ms: 429 beyond. Default 50. */
  perSecond: z.int().min(1),
  /** From accepting a job to its end, in seconds of the service's clock: between the two, by what is in it. Defaults 1 and 30. */
  minSeconds: z.number().min(0),
  maxSeconds: z.number().min(0),
  /** The share of that time a job is `queued`, 0 to 1; addresses are fetched at its end. Default 0.2. */
  queuedShare: z.number().min(0).max(1),
  /** So many polls of a job tell that it is not done yet, also after its time. Default 0. */
  pollsBeforeEnd: z.int().min(0),
  /** Retry-After while a job is not done; null = no such header. Default 1. */
  retryAfterSeconds: z.int().min(0).nullable(),
  /** How Retry-After is told. Default 'seconds'. */
  retryAfterAs: z.enum(['seconds', 'date']),
  /** From the end of a job until it is 410. Default 86,400. */
  retentionSeconds: z.number().min(0),
  /** Whether a job that is not done tells its items, those ready with their results. Default false. */
  itemsWhileRunning: z.boolean(),
  /** Items whose content can't be analysed, 0 to 1, by their content. Default 0.01. */
  failShare: z.number().min(0).max(1),
  /** Most items of a job and bytes of a body: 413 beyond. Defaults 100 and 1,048,576, which are the most. */
  maxItems: z.int().min(1).max(100),
  maxBodyBytes: z.int().min(100).max(1_048_576),
  /** Longest text, in UTF-16 units: the item fails with `too_large` beyond. Default 20,000. */
  maxTextLength: z.int().min(1),
  /** Features the service can do: others are left out of results. Default: all of its kind. */
  features: z.array(z.string()),
  /** Whether the image service takes videos too, as a kind of their own. Default false. */
  video: z.boolean(),
  /** Whether /v1/capabilities is there, and whether jobs can be cancelled: both are optional. Default true. */
  capabilities: z.boolean(),
  cancel: z.boolean(),
  /** What offsets of mentions count. Default 'utf16'. */
  offsetUnit: z.enum(['utf16', 'codepoint', 'byte']),
  /** Items left before 402; null = endless. Default null. */
  quota: z.int().min(0).nullable(),
  /** The key that is accepted. Default 'sandbox-key'. */
  key: z.string().min(1),
  /** Keys that are known and may not do this: 403. Default none. */
  scopedKeys: z.array(z.string().min(1)),
})

/** What can be changed while it runs. */
export type AnalysisSettings = z.infer<typeof settingsSchema>

export type AnalysisOptions = AnalysisSettings & {
  /** Decides which items fail and how long a job takes. Default 1. */
  seed: number
  /** Where jobs are kept, so that a process started anew knows them. Default null: nowhere. */
  file: string | null
}

const common: AnalysisOptions = {
  seed: 1,
  file: null,
  latencyMs: 100,
  perSecond: 50,
  minSeconds: 1,
  maxSeconds: 30,
  queuedShare: 0.2,
  pollsBeforeEnd: 0,
  retryAfterSeconds: 1,
  retryAfterAs: 'seconds',
  retentionSeconds: 86_400,
  itemsWhileRunning: false,
  failShare: 0.01,
  maxItems: 100,
  maxBodyBytes: 1_048_576,
  maxTextLength: 20_000,
  features: [],
  video: false,
  capabilities: true,
  cancel: true,
  offsetUnit: 'utf16',
  quota: null,
  key: 'sandbox-key',
  scopedKeys: [],
}

export const visionDefaults: AnalysisOptions = { ...common, features: ['labels', 'faces', 'text'] }

export const textMlDefaults: AnalysisOptions = {
  ...common,
  features: ['sentiment', 'language', 'mentions'],
}
