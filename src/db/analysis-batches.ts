import { type RawBuilder, sql, type Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import { type ErrorRecord, Fault } from '../errors.ts'
import type { Db } from './connect.ts'
import type { Lease } from './leases.ts'
import type { DB } from './schema.generated.ts'

export type AnalysisServiceName = 'vision' | 'text-ml'
type Holder = Pick<Lease, 'call' | 'token'>

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

/** A batch whose fate we are to ask for. */
export interface BatchToPoll {
  id: string
  remote_id: string
  /** Since the service took it. */
  ageMs: number
}

/** @throws Fault `lease_lost` where another attempt holds the call now. */
async function fence(trx: Transaction<DB>, { call, token }: Holder): Promise<void> {
  const { rows } = await sql`
    select from ledger.job_calls where id = ${call.id} and lease_token = ${token} for share`.execute(
    trx,
  )
  if (rows.length === 0)
    throw new Fault('lease_lost', `another attempt holds job call ${call.id} now`)
}

/** Whoever held it is gone, or it is ours from before a lost connection. */
const isFree = (holder: Holder): RawBuilder<boolean> => sql`
  (b.held_by is null or b.held_by = ${holder.token} or not exists (
    select from ledger.job_calls c where c.id = b.holder_call_id and c.lease_token = b.held_by and c.lease_expires_at > clock_timestamp()))`

/** Of locked batches, whether anybody still waits for what they hold. */
const whetherWanted = (batches: string): RawBuilder<unknown> => sql`
  select d.id, exists (select from ledger.analysis_tasks t where t.batch_id = d.id and t.finished_at is null) as wanted
  from ${sql.table(batches)} d`

/** What is wanted is ours now, the rest is closed. */
const heldOrClosed = ({ call, token }: Holder): RawBuilder<unknown> => sql`
  held_by = case when l.wanted then ${token}::uuid end, holder_call_id = case when l.wanted then ${call.id}::uuid end,
  status = case when l.wanted then b.status else 'cancelled' end, finished_at = case when not l.wanted then clock_timestamp() end`

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
        holder_call_id = null, error = ${JSON.stringify(error)}::jsonb
      where id = ${id}`.execute(trx)
  })
}

/** Gives back what could not be sent, or asked for: it is tried again later. */
export async function putBatchesBack(
  db: Db,
  holder: Holder,
  ids: readonly string[],
  { inMs, error }: { inMs: number; error?: ErrorRecord },
): Promise<void> {
  await sql`
    update ledger.analysis_batches set held_by = null, holder_call_id = null, due_at = clock_timestamp() + make_interval(secs => ${inMs / 1000}),
      error = coalesce(${error ? JSON.stringify(error) : null}::jsonb, error)
    where id = any(${ids}::uuid[]) and held_by = ${holder.token} and finished_at is null`.execute(
    db,
  )
}

export interface Accepted {
  id: string
  remoteId: string
  retryAfterMs: number | undefined
}

/** The service has taken them: their tasks are out, until the deadline. */
export async function noteAccepted(
  trx: Transaction<DB>,
  accepted: readonly Accepted[],
  deadlineMinutes: number,
): Promise<void> {
  const rows = accepted.map(({ id, remoteId, retryAfterMs = 0 }) => ({
    id,
    remote_id: remoteId,
    wait_s: retryAfterMs / 1000,
  }))
  await sql`
    with told as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (id uuid, remote_id text, wait_s double precision)
    ), taken as (
      update ledger.analysis_tasks t set status = 'submitted', submitted_at = clock_timestamp(), attempt = t.attempt + 1
      from told where t.batch_id = told.id and t.status = 'waiting'
    )
    update ledger.analysis_batches b set status = 'out', remote_id = told.remote_id, body = null, error = null, held_by = null,
      holder_call_id = null, accepted_at = clock_timestamp(), due_at = ledger.next_poll(b.poll_every_s, told.wait_s),
      deadline_at = clock_timestamp() + make_interval(mins => ${deadlineMinutes})
    from told where b.id = told.id and b.status = 'sending'`.execute(trx)
}

/**
 * Takes batches whose time to be asked for has come, the first 100; each is asked for by one poller at a time. Those of which nobody
 * wants the results any more are closed.
 */
export async function takeToPoll(
  db: Db,
  holder: Holder,
  service: AnalysisServiceName,
  limit: number,
): Promise<BatchToPoll[]> {
  return await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    const { rows } = await sql<BatchToPoll & { wanted: boolean }>`
      with due as materialized (
        select b.id from ledger.analysis_batches b
        where b.service = ${service} and b.status = 'out' and b.due_at <= clock_timestamp() and ${isFree(holder)}
        order by b.due_at limit ${limit} for update skip locked
      ), looked as (${whetherWanted('due')})
      update ledger.analysis_batches b set ${heldOrClosed(holder)}, polls = b.polls + l.wanted::int
      from looked l where b.id = l.id
      returning b.id, b.remote_id, l.wanted, extract(epoch from clock_timestamp() - b.accepted_at)::float8 * 1000 as "ageMs"`.execute(
      trx,
    )
    return rows.filter(({ wanted }) => wanted)
  })
}
