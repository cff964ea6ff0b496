import { type RawBuilder, sql, type Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import type { ErrorRecord } from '../errors.ts'
import { type AnalysisServiceName, fence, type Holder, takeDue } from './analysis-batches.ts'
import type { Db } from './connect.ts'
import { toJsonb } from './jsonb.ts'
import type { DB } from './schema.generated.ts'

/** A content that waits to be handed over. */
export interface WaitingTask {
  content_key: string
  content: { text?: string; url?: string }
}

/** A request that was written down, to be sent by us alone. */
export interface BatchToSend {
  /** Its Idempotency-Key as well. */
  id: string
  kind: string
  body: string
  items: number
  /** How often it was sent, now included. */
  sends: number
  /** When it was first sent, if nobody knows what came of that. */
  doubtSince?: Date | null
}

/**
 * What was written down to be sent and is due, at most so many: its first sending failed, or whoever was sending it died.
 * Sent again, it is `in_doubt` where the service may take both.
 */
export async function takeUnsent(
  db: Db,
  holder: Holder,
  service: AnalysisServiceName,
  { limit, honoursKey }: { limit: number; honoursKey: boolean },
): Promise<BatchToSend[]> {
  return await db.transaction().execute(async (trx) => {
    const ids = await takeDue(trx, holder, { service, status: 'sending', limit })
    if (ids.length === 0) return []
    const { rows } = await sql<BatchToSend>`
      update ledger.analysis_batches b
      set in_doubt = b.in_doubt or (b.sends > 0 and not ${honoursKey}::boolean), sends = b.sends + 1
      where b.id = any(${ids}::uuid[])
      returning b.id, b.kind, b.body, b.items, b.sends, case when b.sends > 1 then b.created_at end as "doubtSince"`.execute(
      trx,
    )
    return rows
  })
}

/** So often a batch is sent in vain until the fault may be its own, and not that of the whole service. */
export const patientSends = 3

/**
 * Whether what was sent in vain and rests holds up what is new: the service may be down. A batch that was sent often lets another
 * try beside it; the more rest, the more often each was sent before one more may, so that a long fault brings few of them.
 */
export const heldUp = (service: RawBuilder<unknown>): RawBuilder<boolean> => sql<boolean>`(
  select coalesce(min(r.sends) < ${sql.lit(patientSends)} * count(*), false) from ledger.analysis_batches r
  where r.service = ${service} and r.status = 'sending' and r.held_by is null)`

/** Whether nothing new is sent for now. */
export async function isHeldUp(db: Db, service: AnalysisServiceName): Promise<boolean> {
  const { rows } = await sql<{ up: boolean }>`select ${heldUp(sql.val(service))} as up`.execute(db)
  return rows[0]?.up ?? false
}

/** Whether the service has taken others since this batch was written down: then a fault is the batch's own. */
export async function tookOthers(db: Db, id: string): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    select exists (select from ledger.analysis_batches o where o.service = b.service and o.accepted_at > b.created_at) as taken
    from ledger.analysis_batches b where b.id = ${id}`.execute(db)
  return rows[0]?.taken ?? false
}

/** Of these names that a service has for jobs, newest first, the first that is none of our batches'. */
export async function firstStranger(
  db: Db,
  service: AnalysisServiceName,
  remoteIds: readonly string[],
): Promise<string | undefined> {
  const { rows } = await sql<{ id: string }>`
    select r.id from unnest(${remoteIds}::text[]) with ordinality as r (id, place)
    where not exists (select from ledger.analysis_batches b where b.service = ${service} and b.remote_id = r.id)
    order by place limit 1`.execute(db)
  return rows[0]?.id
}

/**
 * Writes a batch down, before it is sent: takes tasks of one kind that wait, as many as `body` makes room for (it answers how
 * many it took). Undefined where none waits.
 */
export async function writeBatch(
  db: Db,
  holder: Holder,
  { service, kind, limit }: { service: AnalysisServiceName; kind: string; limit: number },
  makeBody: (tasks: readonly WaitingTask[]) => { body: string; items: number },
): Promise<BatchToSend | undefined> {
  return await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    const { rows: tasks } = await sql<WaitingTask>`
      select content_key, content from ledger.analysis_tasks
      where kind = ${kind} and status = 'waiting' and batch_id is null and fresh_address is distinct from 'wanted'
        and due_at <= clock_timestamp()
      order by due_at limit ${limit} for update skip locked`.execute(trx)
    if (tasks.length === 0) return undefined
    const { body, items } = makeBody(tasks)
    const batch = { id: uuidV7(), kind, body, items, sends: 1 }
    await insertBatch(trx, service, batch, { holder })
    await sql`
      update ledger.analysis_tasks set batch_id = ${batch.id}
      where service = ${service} and content_key = any(${keysOf(tasks.slice(0, items))}::text[])`.execute(
      trx,
    )
    return batch
  })
}

async function insertBatch(
  trx: Transaction<DB>,
  service: AnalysisServiceName,
  { id, kind, body, items, sends }: BatchToSend,
  { holder, since }: { holder?: Holder; since?: Date | null },
): Promise<void> {
  await sql`
    insert into ledger.analysis_batches (id, service, kind, body, items, held_by, holder_call_id, sends, created_at)
    values (${id}, ${service}, ${kind}, ${body}, ${items}, ${holder?.token ?? null}, ${holder?.call.id ?? null}, ${sends},
      coalesce(${since ?? null}::timestamptz, clock_timestamp()))`.execute(trx)
}

const keysOf = (tasks: readonly WaitingTask[]) => tasks.map((task) => task.content_key)

/** The tasks of a batch, as its body was made of them. */
export async function tasksOf(db: Db | Transaction<DB>, batchId: string): Promise<WaitingTask[]> {
  const { rows } = await sql<WaitingTask>`
    select content_key, content from ledger.analysis_tasks
    where batch_id = ${batchId} and finished_at is null order by content_key`.execute(db)
  return rows
}

/**
 * Puts other batches in the place of one that the service refused: they are sent next. Halves count as sent as often and as long as the
 * whole; under `newKey` it is another request.
 */
export async function splitBatch(
  db: Db,
  holder: Holder,
  { service, newKey }: { service: AnalysisServiceName; newKey: boolean },
  { id, kind, sends, doubtSince }: BatchToSend,
  parts: readonly { body: string; tasks: readonly WaitingTask[] }[],
  error: ErrorRecord,
): Promise<void> {
  const history = newKey ? { sends: 0 } : { sends, since: doubtSince ?? null }
  await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    for (const { body, tasks } of parts) {
      const part = { id: uuidV7(), kind, body, items: tasks.length, sends: history.sends }
      await insertBatch(trx, service, part, history)
      await sql`
        update ledger.analysis_tasks set batch_id = ${part.id}
        where service = ${service} and content_key = any(${keysOf(tasks)}::text[]) and batch_id = ${id}`.execute(
        trx,
      )
    }
    await sql`
      update ledger.analysis_batches set status = 'refused', finished_at = clock_timestamp(), body = null, held_by = null,
        holder_call_id = null, error = ${toJsonb(error)}::jsonb
      where id = ${id}`.execute(trx)
  })
}
