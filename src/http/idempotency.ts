import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { Db } from '../db/connect.ts'
import { callOfKey } from '../db/idempotency-keys.ts'
import type { NewJobCall } from '../db/job-calls.ts'
import { ProblemError } from './problem.ts'

/** Printable ASCII: what a header can hold, and a text column too. */
export const idempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x20-\x7e]{1,255}$/, 'must be 1 to 255 printable ASCII characters')
    .optional()
    .describe(
      'A name for this request. The same key with the same body is answered the same, without doing it again; with another body it is a 422; while the first is under way a 409.',
    ),
})

/**
 * The job call of a request with an idempotency key: to be run, or what it answered before.
 * @param operation the same key for another operation is another request
 * @throws ProblemError 409 while it runs, 422 where the key belongs to another request
 */
export async function openKeyed(
  db: Db,
  key: string,
  operation: string,
  call: NewJobCall,
): Promise<{ run: string } | { other: unknown }> {
  const hash = createHash('sha256')
    .update(`${operation}\n${JSON.stringify(call.params)}`)
    .digest()
  const found = await callOfKey(db, key, hash, call)
  switch (found.kind) {
    case 'run':
      return { run: found.id }
    case 'answered':
      return { other: found.answer }
    case 'running':
      throw new ProblemError(409, 'the first request with this Idempotency-Key is under way', {
        job_call_id: found.id,
      })
    case 'taken':
      throw new ProblemError(422, 'this Idempotency-Key belongs to another request')
    default:
      throw new TypeError('every kind is named above')
  }
}
