import { type Selectable, sql, type Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import { type ErrorRecord, Fault } from '../errors.ts'
import type { Db } from './connect.ts'
import { toJsonb } from './jsonb.ts'
import type { Lease } from './leases.ts'
import type { DB, LedgerServiceCalls } from './schema.generated.ts'

export type ServiceCall = Selectable<LedgerServiceCalls>
export type Service = 'amocrm' | 'apollo' | 'instagram' | 'vision' | 'text-ml' | 'minio'

/** Where a stream begins: its subject ('' where there is none) and first cursor. */
export interface Seed {
  operation: string
  subject: string
  cursor: unknown
}

/** What requests cost; each counts since the last time it was written to the ledger. */
export interface RequestCounts {
  requests: number
  retries: number
  throttledMs: number
  bytes: number
}

/** What a page cost. */
export interface CreditCounts {
  spent: number
  /** Credits whose fate was unknown until its answer came. */
  settled: number
}

export interface RowCounts {
  read: number
  inserted: number
  updated: number
  unchanged: number
  rejected: number
}

export type StreamEnd =
  | { status: 'done' }
  | { status: 'failed'; error: ErrorRecord }
  | { status: 'skipped'; reason: string }

/** The call's row, if the lease is still ours: locked until the commit, so that a takeover comes before or after. */
const fence = (callId: string, token: string) => sql`fence as materialized (
      select id from ledger.job_calls where id = ${callId} and lease_token = ${token} for share
    )`

/**
 * Opens streams that the call does not have yet; those that it has, open or ended, stay as they are. None is opened where
 * another attempt holds the call now: it may have ended.
 */
export async function openStreams(
  db: Db | Transaction<DB>,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  service: Service,
  seeds: readonly Seed[],
): Promise<void> {
  if (seeds.length === 0) return
  const rows = seeds.map(({ operation, subject, cursor }) => ({
    id: uuidV7(),
    operation,
    subject,
    cursor,
  }))
  await sql`
    with ${fence(call.id, token)}
    insert into ledger.service_calls (id, job_call_id, service, operation, subject, cursor)
    select s.id, fence.id, ${service}, s.operation, s.subject, s.cursor
    from fence, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as s (id uuid, operation text, subject text, cursor jsonb)
    on conflict (job_call_id, service, operation, subject) do nothing`.execute(db)
}

/** Streams that are not read, which the ledger is to say; those that the call has stay as they are. */
export async function skipStreams(
  db: Db,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  { service, operation }: { service: Service; operation: string },
  subjects: readonly string[],
  reason: string,
): Promise<void> {
  const error = JSON.stringify({ kind: 'skipped', message: reason })
  await sql`
    with ${fence(call.id, token)}
    insert into ledger.service_calls (id, job_call_id, service, operation, subject, status, error, finished_at)
    select ledger.uuid_v7(), fence.id, ${service}, ${operation}, s, 'skipped', ${error}::jsonb, clock_timestamp()
    from fence, unnest(${subjects}::text[]) as s
    on conflict (job_call_id, service, operation, subject) do nothing`.execute(db)
}

/**
 * Opens one stream, unless the call has it. Answers how it stands.
 * @throws Fault `lease_lost` where another attempt holds the call now.
 */
export async function openStream(
  db: Db,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  service: Service,
  { operation, subject, cursor }: Seed,
): Promise<Pick<ServiceCall, 'id' | 'status'>> {
  const { rows } = await sql<Pick<ServiceCall, 'id' | 'status'>>`
    with ${fence(call.id, token)}
    insert into ledger.service_calls (id, job_call_id, service, operation, subject, cursor)
    select ${uuidV7()}::uuid, fence.id, ${service}, ${operation}, ${subject}, ${JSON.stringify(cursor)}::jsonb from fence
    -- Changes nothing, but answers the row that is there.
    on conflict (job_call_id, service, operation, subject) do update set service = excluded.service
    returning id, status`.execute(db)
  const [row] = rows
  if (!row) throw new Fault('lease_lost', `another attempt holds job call ${call.id} now`)
  return row
}

/** The oldest open streams of one operation after the stream `after`, leaving out those that are being read. */
export async function listOpenStreams(
  db: Db,
  callId: string,
  { service, operation }: { service: Service; operation: string },
  {
    except = [],
    after,
    limit,
  }: { except?: readonly string[]; after?: string | undefined; limit: number },
): Promise<ServiceCall[]> {
  const { rows } = await sql<ServiceCall>`
    select * from ledger.service_calls
    where job_call_id = ${callId} and service = ${service} and operation = ${operation} and status = 'open'
      and id > ${after ?? nilUuid} and id <> all(${except}::uuid[])
    order by id limit ${limit}`.execute(db)
  return rows
}

const nilUuid = '00000000-0000-0000-0000-000000000000'

/** Whether streams of an operation were skipped. */
export async function hasSkipped(
  db: Db,
  callId: string,
  service: Service,
  operation: string,
): Promise<boolean> {
  const skipped = await db
    .selectFrom('ledger.service_calls')
    .select('id')
    .where('job_call_id', '=', callId)
    .where('service', '=', service)
    .where('operation', '=', operation)
    .where('status', '=', 'skipped')
    .limit(1)
    .executeTakeFirst()
  return skipped !== undefined
}

/** Where a page that was written leaves its stream, and what it counts. */
export interface CursorMove {
  id: string
  /** How many pages the stream had before this one. */
  pages: number
  cursor: unknown
  done: boolean
  requests: RequestCounts
  rows: RowCounts
  credits?: CreditCounts | undefined
}

/**
 * The last statement of a transaction that writes pages: moves their cursors and counts, if the lease is still ours and
 * each stream still stands where its page began. The lease's row stays locked until the commit, so that a
 * takeover comes either before (and fewer are moved than were asked: roll back) or after. Answers how many were moved.
 */
export async function moveCursors(
  trx: Transaction<DB>,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  moves: readonly CursorMove[],
): Promise<number> {
  const rows = moves.map(({ id, pages, cursor, done, requests, rows: counts, credits }) => ({
    id,
    pages,
    cursor: done ? null : cursor,
    done,
    requests: requests.requests,
    retries: requests.retries,
    throttled_ms: Math.round(requests.throttledMs),
    bytes: requests.bytes,
    ...counts,
    spent: credits?.spent ?? 0,
    settled: credits?.settled ?? 0,
  }))
  const moved = await sql`
    with ${fence(call.id, token)}
    update ledger.service_calls s set
      status = case when m.done then 'done' else 'open' end, cursor = m.cursor,
      pages = s.pages + 1, requests = s.requests + m.requests, retries = s.retries + m.retries,
      throttled_ms = s.throttled_ms + m.throttled_ms, bytes = s.bytes + m.bytes,
      rows_read = s.rows_read + m.read, rows_inserted = s.rows_inserted + m.inserted,
      rows_updated = s.rows_updated + m.updated, rows_unchanged = s.rows_unchanged + m.unchanged,
      rows_rejected = s.rows_rejected + m.rejected,
      credits = s.credits + m.spent, credits_in_doubt = greatest(0, s.credits_in_doubt - m.settled),
      started_at = coalesce(s.started_at, clock_timestamp()), updated_at = clock_timestamp(),
      finished_at = case when m.done then clock_timestamp() end
    from fence, jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as m (id uuid, pages bigint, cursor jsonb, done boolean,
      requests bigint, retries bigint, throttled_ms bigint, bytes bigint, read bigint, inserted bigint, updated bigint,
      unchanged bigint, rejected bigint, spent bigint, settled bigint)
    where s.job_call_id = ${call.id} and s.id = m.id and s.status = 'open' and s.pages = m.pages`.execute(
    trx,
  )
  return Number(moved.numAffectedRows)
}

/**
 * Ends a stream without a page (it failed, or was skipped), or just counts its requests where `end` is undefined. Fenced
 * likewise. `updated_at` stays: it tells how old the cursor is. What was at hand of a stream that ends is not taken up again.
 */
export async function endStream(
  db: Db,
  lease: Pick<Lease, 'call' | 'token'>,
  streamId: string,
  requests: RequestCounts,
  end?: StreamEnd,
): Promise<boolean> {
  const status = end?.status ?? 'open'
  const error =
    end?.status === 'failed'
      ? end.error
      : end?.status === 'skipped'
        ? { kind: 'skipped', message: end.reason }
        : null
  const ended = await sql`
    with ${fence(lease.call.id, lease.token)}, forgotten as (
      delete from ledger.pages_at_hand h using fence where h.service_call_id = ${streamId} and ${status !== 'open'}
    )
    update ledger.service_calls s set
      status = ${status}, error = ${error ? toJsonb(error) : null}::jsonb,
      requests = s.requests + ${requests.requests}, retries = s.retries + ${requests.retries},
      throttled_ms = s.throttled_ms + ${Math.round(requests.throttledMs)}, bytes = s.bytes + ${requests.bytes},
      started_at = coalesce(s.started_at, clock_timestamp()),
      finished_at = case when ${status !== 'open'} then clock_timestamp() end
    from fence
    where s.job_call_id = fence.id and s.id = ${streamId} and s.status = 'open'`.execute(db)
  return ended.numAffectedRows === 1n
}
