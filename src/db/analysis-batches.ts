import { type RawBuilder, sql, type Transaction } from 'kysely'
import { type ErrorRecord, Fault } from '../errors.ts'
import type { Db } from './connect.ts'
import { toJsonb } from './jsonb.ts'
import type { Lease } from './leases.ts'
import type { DB } from './schema.generated.ts'

export type AnalysisServiceName = 'vision' | 'text-ml'
export type Holder = Pick<Lease, 'call' | 'token'>

/** A batch whose fate we are to ask for. */
export interface BatchToPoll {
  id: string
  remote_id: string
  /** How many contents it was sent with. */
  items: number
  /** Since the service took it. */
  ageMs: number
}

/** @throws Fault `lease_lost` where another attempt holds the call now. */
export async function fence(trx: Transaction<DB>, { call, token }: Holder): Promise<void> {
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

/**
 * Takes batches whose time has come, each for one holder at a time, the first ones. Those of which nobody wants the results any more
 * are closed.
 */
export async function takeDue(
  trx: Transaction<DB>,
  holder: Holder,
  { service, status, limit }: { service: string; status: 'sending' | 'out'; limit: number },
): Promise<string[]> {
  await fence(trx, holder)
  const { rows: due } = await sql<{ id: string }>`
    select b.id from ledger.analysis_batches b
    where b.service = ${service} and b.status = ${status} and b.due_at <= clock_timestamp() and ${isFree(holder)}
    order by b.due_at limit ${limit} for update skip locked`.execute(trx)
  if (due.length === 0) return []
  // A statement of its own: it sees what was taken up again until the batches were locked.
  const { rows } = await sql<{ id: string; wanted: boolean }>`
    with looked as materialized (
      select d.id, exists (select from ledger.analysis_tasks t where t.batch_id = d.id and t.finished_at is null) as wanted
      from unnest(${due.map(({ id }) => id)}::uuid[]) as d (id)
    )
    update ledger.analysis_batches b set
      held_by = case when l.wanted then ${holder.token}::uuid end, holder_call_id = case when l.wanted then ${holder.call.id}::uuid end,
      status = case when l.wanted then b.status else 'cancelled' end, body = case when l.wanted then b.body end,
      finished_at = case when not l.wanted then clock_timestamp() end
    from looked l where b.id = l.id
    returning b.id, l.wanted`.execute(trx)
  return rows.flatMap(({ id, wanted }) => (wanted ? [id] : []))
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
      error = coalesce(${error ? toJsonb(error) : null}::jsonb, error)
    where id = any(${ids}::uuid[]) and held_by = ${holder.token} and finished_at is null`.execute(
    db,
  )
}

/** Has all that is out of a service wait that is not asked for by others: it does not answer. */
export async function restPolls(
  db: Db,
  holder: Holder,
  service: AnalysisServiceName,
  { inMs, error }: { inMs: number; error: ErrorRecord },
): Promise<void> {
  await sql`
    update ledger.analysis_batches set held_by = null, holder_call_id = null, error = ${toJsonb(error)}::jsonb,
      due_at = greatest(due_at, clock_timestamp() + make_interval(secs => ${inMs / 1000}))
    where service = ${service} and status = 'out' and (held_by is null or held_by = ${holder.token})`.execute(
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
      select * from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (id uuid, remote_id text, wait_s double precision)
    ), taken as (
      update ledger.analysis_tasks t set status = 'submitted', submitted_at = clock_timestamp(), attempt = t.attempt + 1
      from told where t.batch_id = told.id and t.status = 'waiting'
    )
    update ledger.analysis_batches b set status = 'out', remote_id = told.remote_id, body = null, error = null, held_by = null,
      holder_call_id = null, accepted_at = clock_timestamp(),
      due_at = least(ledger.next_poll(b.poll_every_s, told.wait_s), clock_timestamp() + make_interval(mins => ${deadlineMinutes})),
      deadline_at = clock_timestamp() + make_interval(mins => ${deadlineMinutes})
    from told where b.id = told.id and b.status = 'sending'`.execute(trx)
}

/** Takes batches whose time to be asked for has come; each is asked for by one poller at a time. */
export async function takeToPoll(
  db: Db,
  holder: Holder,
  service: AnalysisServiceName,
  limit: number,
): Promise<BatchToPoll[]> {
  return await db.transaction().execute(async (trx) => {
    const ids = await takeDue(trx, holder, { service, status: 'out', limit })
    if (ids.length === 0) return []
    const { rows } = await sql<BatchToPoll>`
      update ledger.analysis_batches set polls = polls + 1 where id = any(${ids}::uuid[])
      returning id, remote_id, items, extract(epoch from clock_timestamp() - accepted_at)::float8 * 1000 as "ageMs"`.execute(
      trx,
    )
    return rows
  })
}
