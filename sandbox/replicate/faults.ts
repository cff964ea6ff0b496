import { z } from 'zod'

/** What becomes of a prediction, decided when it is made: `match` is sought in the JSON of its input. */
export const fateSchema = z.strictObject({
  kind: z.enum([
    /** It ends as `failed`, with `error`. */
    'fails',
    /** It ends as `aborted`: stopped before it began. */
    'isAborted',
    /** `processing` for ever. */
    'neverEnds',
    /** Its status is a word that nobody knows, for ever. */
    'unknownStatus',
    /** It succeeds, and its output is a number, which no model gives. */
    'outputNumber',
    /** It succeeds, and its output is null. */
    'outputNull',
    /** Made and forgotten: 404 ever after. */
    'vanishes',
  ]),
  error: z.string().default('CUDA out of memory'),
  /** Only inputs that contain this. Default: all. */
  match: z.string().default(''),
  /** How many that match pass unharmed first. Default 0. */
  skip: z.int().min(0).default(0),
  /** How many it hits; null = until cleared. Default 1. */
  times: z.int().min(1).nullable().default(1),
})
export type Fate = z.infer<typeof fateSchema>
