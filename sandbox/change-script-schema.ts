import { z } from 'zod'

/** A script of changes: what, and when. */
export function changeScriptSchemaOf<Change extends z.ZodType>(change: Change) {
  return z.strictObject({
    changes: z.array(change).min(1),
    /** Applied at once, or in turn over time: `perStep` after every `everyRequests`-th request. */
    everyRequests: z.int().min(1).optional(),
    /** Default 1. */
    perStep: z.int().min(1).default(1),
    /** So many in all, the list over and over. Default: the list once. */
    total: z.int().min(1).optional(),
    /** Only requests whose decoded `path?query` contains this count. Default: all. */
    match: z.string().default(''),
    /** Decides which records and values. Default 1. */
    seed: z.int().default(1),
  })
}
