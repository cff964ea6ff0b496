import { sql, type Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import type { ErrorRecord } from '../errors.ts'
import {
  type AnalysisServiceName,
  fence,
  heldOrClosed,
  type Holder,
  isFree,
  whetherWanted,
} from './analysis-batches.ts'
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
  /** When it was sent before, and nobody knows what came of it. */
  doubtSince?: Date | null
}

/**
 * What was written down to be sent and is due, at most so many: its first sending failed, or whoever was sending it died.
 * Sent again, it is `in_doubt` where the service may take both. One that nobody wants any more is closed.
 */
export async function takeUnsent(
  db: Db,
  holder: Holder,
  service: AnalysisServiceName,
  { limit, honoursKey }: { limit: number; honoursKey: boolean },
): Promise<BatchToSend[]> {
  return await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    const { rows } = await sql<BatchToSend & { wanted: boolean }>`
      with free as materialized (
        select b.id from ledger.analysis_batches b
        where b.service = ${service} and b.status = 'sending' and b.due_at <= clock_timestamp() and ${isFree(holder)}
        order by b.due_at limit ${limit} for update skip locked
      ), looked as (${whetherWanted('free')})
      update ledger.analysis_batches b set ${heldOrClosed(holder)}, sends = b.sends + l.wanted::int,
        in_doubt = b.in_doubt or (b.sends > 0 and l.wanted and not ${honoursKey}::boolean)
      from looked l where b.id = l.id
      returning b.id, b.kind, b.body, b.items, l.wanted, case when b.sends > 1 then b.created_at end as "doubtSince"`.execute(
      trx,
    )
    return rows.filter(({ wanted }) => wanted)
  })
}

/** Whether something that was written down waits for its time to be sent again: until then nothing else is sent. */
export async function isHeldUp(db: Db, service: AnalysisServiceName): Promise<boolean> {
  const { rows } = await sql<{ up: boolean }>`
    select exists (select from ledger.analysis_batches
      where service = ${service} and status = 'sending' and held_by is null and due_at > clock_timestamp()) as up`.execute(
    db,
  )
  return rows[0]?.up ?? false
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
    const batch = { id: uuidV7(), kind, body, items }
    await insertBatch(trx, service, batch, holder)
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
  { id, kind, body, items }: BatchToSend,
  holder?: Holder,
): Promise<void> {
  await sql`
    insert into ledger.analysis_batches (id, service, kind, body, items, held_by, holder_call_id, sends)
    values (${id}, ${service}, ${kind}, ${body}, ${items}, ${holder?.token ?? null}, ${holder?.call.id ?? null}, ${holder ? 1 : 0})`.execute(
    trx,
  )
}

const keysOf = (tasks: readonly WaitingTask[]) => tasks.map((task) => task.content_key)

/** The tasks of a batch, as its body was made of them. */
export async function tasksOf(db: Db | Transaction<DB>, batchId: string): Promise<WaitingTask[]> {
  const { rows } = await sql<WaitingTask>`
    select content_key, content from ledger.analysis_tasks
    where batch_id = ${batchId} and finished_at is null order by content_key`.execute(db)
  return rows
}

/** Puts smaller batches in the place of one that the service refused: they are sent next. */
export async function splitBatch(
  db: Db,
  holder: Holder,
  { id, service, kind }: { id: string; service: AnalysisServiceName; kind: string },
  halves: readonly { body: string; tasks: readonly WaitingTask[] }[],
  error: ErrorRecord,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    for (const { body, tasks } of halves) {
      const half = { id: uuidV7(), kind, body, items: tasks.length }
      await insertBatch(trx, service, half)
      await sql`
        update ledger.analysis_tasks set batch_id = ${half.id}
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
