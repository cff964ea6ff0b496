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

export type OpenStream = Pick<ServiceCall, 'id' | 'subject' | 'cursor' | 'pages' | 'rows_read'>

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
): Promise<OpenStream[]> {
  const { rows } = await sql<OpenStream>`
    select id, subject, cursor, pages, rows_read from ledger.service_calls
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

/** Where a page leaves its stream, and what it counts. */
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
 * each stream still stands where its first page began; several pages of one stream come in their order. The lease's row stays
 * locked until the commit, so that a takeover comes either before (then not all are moved: roll back) or after. Answers whether
 * all were moved.
 */
export async function moveCursors(
  trx: Transaction<DB>,
  { call, token }: Pick<Lease, 'call' | 'token'>,
  moves: readonly CursorMove[],
): Promise<boolean> {
  const rows = [...Map.groupBy(moves, ({ id }) => id).values()].map(asOneMove)
  // An update, written as an upsert, which finds its rows by key: of a month that is new the planner knows nothing, and an update with
  // a join goes over all open streams of the call then, as many as a profile has posts. For the same reason `finished_at`, not
  // `status`, says here what is open: an index of all that is open would be taken for the shorter way.
  const moved = await sql`
    with ${fence(call.id, token)}, moves as materialized (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as m (id uuid, pages bigint, written bigint, cursor jsonb,
        done boolean, requests bigint, retries bigint, throttled_ms bigint, bytes bigint, read bigint, inserted bigint,
        updated bigint, unchanged bigint, rejected bigint, spent bigint, settled bigint)
      cross join lateral (
        select service, operation, subject from ledger.service_calls
        where job_call_id = ${call.id} and id = m.id and finished_at is null and pages = m.pages for no key update
      ) s
      where exists (select from fence)
    )
    insert into ledger.service_calls as s (job_call_id, id, service, operation, subject, status, cursor, pages, requests, retries,
      throttled_ms, bytes, rows_read, rows_inserted, rows_updated, rows_unchanged, rows_rejected, credits, credits_in_doubt,
      started_at, updated_at, finished_at)
    select ${call.id}, id, service, operation, subject, case when done then 'done' else 'open' end, cursor, written, requests,
      retries, throttled_ms, bytes, read, inserted, updated, unchanged, rejected, spent, settled,
      clock_timestamp(), clock_timestamp(), case when done then clock_timestamp() end
    from moves
    on conflict (job_call_id, id) do update set
      status = excluded.status, cursor = excluded.cursor,
      pages = s.pages + excluded.pages, requests = s.requests + excluded.requests, retries = s.retries + excluded.retries,
      throttled_ms = s.throttled_ms + excluded.throttled_ms, bytes = s.bytes + excluded.bytes,
      rows_read = s.rows_read + excluded.rows_read, rows_inserted = s.rows_inserted + excluded.rows_inserted,
      rows_updated = s.rows_updated + excluded.rows_updated, rows_unchanged = s.rows_unchanged + excluded.rows_unchanged,
      rows_rejected = s.rows_rejected + excluded.rows_rejected,
      credits = s.credits + excluded.credits, credits_in_doubt = greatest(0, s.credits_in_doubt - excluded.credits_in_doubt),
      started_at = coalesce(s.started_at, excluded.started_at), updated_at = excluded.updated_at,
      finished_at = excluded.finished_at`.execute(trx)
  return Number(moved.numAffectedRows) === rows.length
}

/** Several pages of a stream, as one row. */
function asOneMove(moves: readonly CursorMove[]) {
  const [first] = moves
  const last = moves.at(-1)
  const sum = (of: (move: CursorMove) => number) => moves.reduce((all, move) => all + of(move), 0)
  return {
    id: first?.id,
    pages: first?.pages,
    written: moves.length,
    cursor: last?.done ? null : last?.cursor,
    done: last?.done,
    requests: sum(({ requests }) => requests.requests),
    retries: sum(({ requests }) => requests.retries),
    throttled_ms: Math.round(sum(({ requests }) => requests.throttledMs)),
    bytes: sum(({ requests }) => requests.bytes),
    read: sum(({ rows }) => rows.read),
    inserted: sum(({ rows }) => rows.inserted),
    updated: sum(({ rows }) => rows.updated),
    unchanged: sum(({ rows }) => rows.unchanged),
    rejected: sum(({ rows }) => rows.rejected),
    spent: sum(({ credits }) => credits?.spent ?? 0),
    settled: sum(({ credits }) => credits?.settled ?? 0),
  }
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
    where s.job_call_id = ${lease.call.id} and s.id = ${streamId} and s.finished_at is null`.execute(
    db,
  )
  return ended.numAffectedRows === 1n
}
