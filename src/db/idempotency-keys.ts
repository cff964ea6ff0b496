import type { Db } from './connect.ts'
import { getJobCall, insertJobCalls, type NewJobCall } from './job-calls.ts'
import { resume } from './resume.ts'

/** What a request with an idempotency key is to do. */
export type KeyedCall =
  /** Run this job call: new, or one that failed before, to be tried again under the same id. */
  | { kind: 'run'; id: string }
  /** Give this answer again. */
  | { kind: 'answered'; answer: unknown }
  /** The first request with this key is under way, or waits to be gone on with. */
  | { kind: 'running'; id: string }
  /** It came with another request. */
  | { kind: 'taken' }

/**
 * The job call of an idempotency key: the first request with it makes one, in the same transaction as the key; a later one
 * finds what became of that. A call that failed is no answer: it is queued again, so that whoever repeats a request
 * gets on with the same id.
 * @param requestHash tells one request from another
 */
export async function callOfKey(
  db: Db,
  key: string,
  requestHash: Buffer,
  call: NewJobCall,
): Promise<KeyedCall> {
  return await db.transaction().execute(async (trx) => {
    const made = await trx
      .insertInto('ledger.idempotency_keys')
      .values({ key, request_hash: requestHash })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirst()
    if (made.numInsertedOrUpdatedRows === 1n) {
      const [id = ''] = await insertJobCalls(trx, [call])
      await trx
        .updateTable('ledger.idempotency_keys')
        .set({ job_call_id: id })
        .where('key', '=', key)
        .execute()
      return { kind: 'run', id }
    }
    const known = await trx
      .selectFrom('ledger.idempotency_keys')
      .selectAll()
      .where('key', '=', key)
      .forUpdate()
      .executeTakeFirstOrThrow()
    if (!known.request_hash.equals(requestHash)) return { kind: 'taken' }
    if (known.answer !== null) return { kind: 'answered', answer: known.answer }
    const id = known.job_call_id ?? ''
    const before = await getJobCall(trx, id)
    // Its process ended between the end of the call and its answer.
    if (before?.status === 'succeeded') return { kind: 'answered', answer: before.result }
    const isOver = before?.finished_at !== null
    if (isOver && (await resume(trx, id, { wake: false }))) return { kind: 'run', id }
    return { kind: 'running', id }
  })
}

/** Keeps what the first request was answered, for those that repeat it. */
export async function keepAnswer(db: Db, key: string, answer: object): Promise<void> {
  await db
    .updateTable('ledger.idempotency_keys')
    .set({ answer: JSON.stringify(answer), answered_at: new Date() })
    .where('key', '=', key)
    .where('answer', 'is', null)
    .execute()
}
