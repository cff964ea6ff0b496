import { sql } from 'kysely'
import type { Db } from './connect.ts'
import { cancelAnalyses, settleParents } from './settle.ts'
import { addWakeUps, clearSpentWakeUps } from './wake-up.ts'

export interface Orphan {
  id: string
  job: string
  worker: string | null
  failures: number
}

/** Calls whose worker stopped without a word: their lease has run out. At most 100. */
export async function listOrphans(db: Db): Promise<Orphan[]> {
  const { rows } = await sql<Orphan>`
    select id, job, worker, failures from ledger.job_calls
    where status = 'running' and lease_expires_at < clock_timestamp() limit 100`.execute(db)
  return rows
}

/**
 * Puts an orphan back in the queue, at once, or ends it where crashes used up its attempts.
 * A crash counts as a failed attempt: a call that kills its worker must not kill workers for ever. Where the attempt
 * had got on, it is the first one again: a call that gets on each time comes to its end.
 */
export async function rescue(db: Db, orphan: Orphan, maxAttempts: number): Promise<void> {
  const error = JSON.stringify({
    kind: 'crashed',
    message: `its worker ${orphan.worker ?? '?'} stopped without giving the lease back`,
    hint: 'see what ended that process: a kill, the memory, the machine',
  })
  await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ status: string; parent_id: string | null }>`
      with orphan as (
        select id, cancel_requested_at is not null as cancelled,
          -- A page since the lease was taken: the token tells when that was.
          case when exists (select from ledger.service_calls s where s.job_call_id = c.id and s.pages > 0
            and ledger.uuid_v7_floor(s.updated_at) > c.lease_token) then 1 else failures + 1 end as failures
        from ledger.job_calls c where id = ${orphan.id} and status = 'running' and lease_expires_at < clock_timestamp() for update
      )
      update ledger.job_calls c set lease_token = null, lease_expires_at = null, error = ${error}::jsonb, failures = o.failures,
        status = case when o.cancelled then 'cancelled' when o.failures >= ${maxAttempts} then 'failed' else 'queued' end,
        finished_at = case when o.cancelled or o.failures >= ${maxAttempts} then clock_timestamp() end
      from orphan o where c.id = o.id
      returning c.status, c.parent_id`.execute(trx)
    const row = rows[0]
    if (row?.status === 'cancelled') await cancelAnalyses(trx, [orphan.id])
    if (row?.status === 'queued') await addWakeUps(trx, [{ jobCallId: orphan.id }])
    else if (row) await settleParents(trx, row.parent_id)
  })
}

/** Ends parents that wait for children and have none open: a settle that was lost on the way. */
export async function settleForgottenParents(db: Db): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls c
    where finished_at is null and status = 'waiting' and next_attempt_at is null
      and not exists (select from ledger.job_calls k where k.parent_id = c.id and k.finished_at is null)
    limit 100`.execute(db)
  for (const { id } of rows) await db.transaction().execute((trx) => settleParents(trx, id))
}

/**
 * Adds wake-ups again for calls and ticks that are due for a minute and have none that works: one that failed for good, or is
 * locked by a process that the ledger knows to be gone or has never heard of, wakes nobody.
 */
export async function wakeForgotten(db: Db): Promise<number> {
  const alive = sql`j.attempts < j.max_attempts and (j.locked_by is null
    or exists (select from ledger.workers w where w.pool_id = j.locked_by and w.stopped_at is null))`
  const { rows: calls } = await sql<{ jobCallId: string }>`
    select c.id as "jobCallId" from ledger.job_calls c
    where c.finished_at is null and c.cancel_requested_at is null
      and (c.status = 'queued' or c.status = 'waiting' and c.next_attempt_at is not null)
      and coalesce(c.next_attempt_at, c.queued_at) < clock_timestamp() - interval '1 minute'
      and not exists (select from graphile_worker.jobs j where j.key = 'call:' || c.id and ${alive})
    limit 1000`.execute(db)
  const { rows: ticks } = await sql<{ job: string; scheduledFor: string }>`
    select t.job, to_char(t.scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as "scheduledFor" from ledger.ticks t
    where t.job_call_id is null and t.skipped_reason is null and t.queued_at < clock_timestamp() - interval '1 minute'
      and not exists (select from graphile_worker.jobs j
        where j.key = 'tick:' || t.job || ':' || to_char(t.scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') and ${alive})
    limit 1000`.execute(db)
  await clearSpentWakeUps(db)
  await addWakeUps(db, [...calls, ...ticks])
  return calls.length + ticks.length
}
