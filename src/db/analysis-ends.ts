import { sql, type Transaction } from 'kysely'
import type { ErrorRecord } from '../errors.ts'
import type { AnalysisServiceName } from './analysis-batches.ts'
import { toJsonb } from './jsonb.ts'
import type { DB } from './schema.generated.ts'

/** How a task ended that has no result. */
export interface TaskEnd {
  batchId: string
  key: string
  error: ErrorRecord
  /** Whether another attempt may end better. */
  again: boolean
  /** The service could not fetch it: it gets a fresh address, once. */
  wantsAddress?: boolean
}

/** What a poll learnt of a batch. */
export type BatchNews =
  /** It is still being worked on: when it is asked for next. */
  | {
      id: string
      over: false
      /** Null: it could not be asked for. */
      word: string | null
      retryAfterMs: number | undefined
      error?: ErrorRecord
    }
  /** The service will say nothing else. Tasks of it that have no end by now end with this reason. */
  | {
      id: string
      over: true
      word: string
      status: 'done' | 'lost'
      rest: ErrorRecord
      again: boolean
      /** How often a content is handed over at most, where that is fewer times than the policy has it. */
      mostAttempts?: number
      error?: ErrorRecord
    }

export interface Policy {
  service: AnalysisServiceName
  /** How often a content is handed over at most. */
  maxAttempts: number
  /** Whether media can be read again for a fresh address. */
  canReadAgain: boolean
}

/** Ends tasks without a result, or has them wait for another attempt. Those that are over already stay as they are. */
export async function endTasks(
  trx: Transaction<DB>,
  { service, maxAttempts, canReadAgain }: Policy,
  ends: readonly TaskEnd[],
): Promise<void> {
  if (ends.length === 0) return
  await sql`
    with ends as materialized (
      select * from jsonb_to_recordset(${toJsonb(ends)}::jsonb) as r ("batchId" uuid, key text, error jsonb, again boolean, "wantsAddress" boolean)
    ), decided as materialized (
      select t.content_key, e.error, coalesce(e."wantsAddress", false) and ${canReadAgain}::boolean and t.fresh_address is null as wanted,
        e.again and t.attempt < ${maxAttempts} as again
      from ledger.analysis_tasks t join ends e on t.content_key = e.key and t.service = ${service} and t.batch_id = e."batchId"
      where t.finished_at is null order by t.content_key for update of t
    )
    update ledger.analysis_tasks t set error = d.error,
      status = case when d.wanted or d.again then 'waiting' else 'failed' end,
      batch_id = case when not (d.wanted or d.again) then t.batch_id end,
      fresh_address = case when d.wanted then 'wanted' else t.fresh_address end,
      due_at = case when d.wanted then clock_timestamp() else clock_timestamp() + make_interval(secs => 15 * 2 ^ t.attempt) end,
      finished_at = case when not (d.wanted or d.again) then clock_timestamp() end
    from decided d where t.content_key = d.content_key and t.service = ${service}`.execute(trx)
}

/**
 * Writes what a poll learnt of its batches, after their items: those that are over end, the others are asked for again, ever more
 * rarely; past its deadline a batch is expired. Whatever of a batch that ended has no end is tried again by policy, or ends.
 */
export async function writeNews(
  trx: Transaction<DB>,
  { service, maxAttempts }: Policy,
  news: readonly BatchNews[],
): Promise<void> {
  // In the order in which a cancelling locks them, before the batches.
  await sql`
    select from ledger.analysis_tasks where batch_id = any(${news.map(({ id }) => id)}::uuid[]) and finished_at is null
    order by content_key, service for update`.execute(trx)
  const rows = news.map((one) => ({
    ...one,
    error: one.error ?? null,
    wait_s: one.over ? 0 : (one.retryAfterMs ?? 0) / 1000,
  }))
  await sql`
    with news as materialized (
      select * from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (id uuid, over boolean, word text, status text, error jsonb,
        wait_s double precision, rest jsonb, again boolean, "mostAttempts" int)
    ), judged as materialized (
      select n.*, b.deadline_at, coalesce(n.word, b.last_status, 'nothing') as said, not n.over and b.deadline_at <= clock_timestamp() as late,
        round(extract(epoch from b.deadline_at - b.accepted_at) / 60) as minutes
      from news n join ledger.analysis_batches b on b.id = n.id
    ), batches as (
      update ledger.analysis_batches b set held_by = null, holder_call_id = null, last_status = coalesce(left(j.word, 100), b.last_status),
        error = coalesce(j.error, b.error),
        status = case when j.over then j.status when j.late then 'expired' else 'out' end,
        finished_at = case when j.over or j.late then clock_timestamp() end,
        poll_every_s = least(60, b.poll_every_s * 1.5),
        due_at = case when j.over or j.late then b.due_at else least(ledger.next_poll(least(60, b.poll_every_s * 1.5), j.wait_s), b.deadline_at) end
      from judged j where b.id = j.id
    )
    update ledger.analysis_tasks t set
      status = case when t.attempt < j.attempts then 'waiting' when j.late then 'expired' else 'failed' end,
      batch_id = case when not (t.attempt < j.attempts) then t.batch_id end,
      due_at = clock_timestamp() + make_interval(secs => 15 * 2 ^ t.attempt),
      finished_at = case when not (t.attempt < j.attempts) then clock_timestamp() end,
      error = j.rest
    from (
      select id, late, case when late or again then least(${maxAttempts}::int, "mostAttempts") else 0 end as attempts, case when late then jsonb_strip_nulls(jsonb_build_object(
          'kind', 'upstream', 'service', ${service}::text, 'message', format('no result within %s minutes; it last said "%s"%s', minutes, said,
            ': ' || (error ->> 'message')))) else rest end as rest
      from judged where over or late
    ) j
    where t.batch_id = j.id and t.service = ${service} and t.finished_at is null`.execute(trx)
}

/** Tasks whose results were of a wrong shape: the reject says what was wrong with them. */
export async function endRejected(
  trx: Transaction<DB>,
  { service }: Policy,
  keys: readonly string[],
): Promise<void> {
  if (keys.length === 0) return
  await sql`
    update ledger.analysis_tasks t set status = 'failed', finished_at = clock_timestamp(),
      error = jsonb_build_object('kind', 'bad_answer', 'service', ${service}::text, 'message', 'its result is of a wrong shape: ' || r.reason)
    from ledger.rejects r
    where r.source = ${service} and r.external_id = t.content_key and t.service = ${service} and r.closed_at is null
      and t.content_key = any(${keys}::text[]) and t.finished_at is null`.execute(trx)
}
