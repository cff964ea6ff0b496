import { z } from 'zod'

const modelSchema = z.strictObject({
  /** `owner/name`. */
  name: z.string().regex(/^[\w.-]+\/[\w.-]+$/),
  /** 64 hex digits. */
  version: z.string().regex(/^[0-9a-f]{64}$/),
  /** What it takes: `input.image` or `input.text`. */
  kind: z.enum(['image', 'text']),
  /**
   * What its output looks like, which depends on the model: the contract's result
   * (upstreams/ml-vision.md, 2.2), detections, tags in one line, a caption, or a caption in pieces.
   */
  tells: z.enum(['findings', 'detections', 'tags', 'caption', 'pieces']),
})
export type Model = z.infer<typeof modelSchema>

export const settingsSchema = z.strictObject({
  /** From the arrival of a request to its answer, in ms; the work begins at arrival. Default 150. */
  latencyMs: z.int().min(0),
  /** New predictions and other requests admitted in `windowMs` (upstreams/ml-vision.md, 1.1). Defaults 600, 3,000, 60,000. */
  createsPerWindow: z.int().min(1),
  othersPerWindow: z.int().min(1),
  windowMs: z.int().min(50),
  /** What a 429 says: the sentence alone, or also `status` and `retry_after` (seen since 2025). Default 'sentence'. */
  throttledAs: z.enum(['sentence', 'full']),
  /** Whether a 429 has the header Retry-After (unconfirmed). Default false. */
  retryAfter: z.boolean(),
  /** The status of an answer to a new prediction (unconfirmed: 201). Default 201. */
  createStatus: z.union([z.literal(200), z.literal(201)]),
  /** From creation to end, in seconds of the service's clock: between the two, by the input. Defaults 1 and 30. */
  minSeconds: z.number().min(0),
  maxSeconds: z.number().min(0),
  /** The share of that time it is `starting`, 0 to 1; files are fetched at its end. Default 0.3. */
  startingShare: z.number().min(0).max(1),
  /** From the end of a prediction until input, output and logs are removed. Default 3,600. */
  removeAfterSeconds: z.number().min(0),
  /** Inputs that the model fails on, 0 to 1, by their content. Default 0.01. */
  failShare: z.number().min(0).max(1),
  /** Predictions a page of the list. Default 100. */
  perPage: z.int().min(1).max(100),
  /** Predictions left before 402; null = endless. Default null. */
  credits: z.int().min(0).nullable(),
  models: z.array(modelSchema),
  /** The token that is accepted. Default 'sandbox-key'. */
  token: z.string().min(1),
})

/** What can be changed while it runs. */
export type ReplicateSettings = z.infer<typeof settingsSchema>

export type ReplicateOptions = ReplicateSettings & {
  /** Decides which inputs fail and how long a prediction takes. Default 1. */
  seed: number
}

export const defaultOptions: ReplicateOptions = {
  seed: 1,
  latencyMs: 150,
  createsPerWindow: 600,
  othersPerWindow: 3000,
  windowMs: 60_000,
  throttledAs: 'sentence',
  retryAfter: false,
  createStatus: 201,
  minSeconds: 1,
  maxSeconds: 30,
  startingShare: 0.3,
  removeAfterSeconds: 3600,
  failShare: 0.01,
  perPage: 100,
  credits: null,
  models: [
    { name: 'sandbox/vision', version: 'a1'.repeat(32), kind: 'image', tells: 'findings' },
    { name: 'sandbox/text', version: 'b2'.repeat(32), kind: 'text', tells: 'findings' },
    { name: 'sandbox/detector', version: 'c3'.repeat(32), kind: 'image', tells: 'detections' },
    { name: 'sandbox/tagger', version: 'd4'.repeat(32), kind: 'image', tells: 'tags' },
    { name: 'sandbox/captioner', version: 'e5'.repeat(32), kind: 'image', tells: 'caption' },
    { name: 'sandbox/llava', version: 'f6'.repeat(32), kind: 'image', tells: 'pieces' },
  ],
  token: 'sandbox-key',
}
