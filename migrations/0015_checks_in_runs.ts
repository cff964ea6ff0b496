import { type Kysely, sql } from 'kysely'

/** The view as before, and in its last column how many checks failed. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view ledger.runs as
    select c.id, c.job, c.trigger, c.scheduled_for, c.parent_id, c.root_id, c.subject, c.params, c.status,
      c.attempt, c.failures, c.next_attempt_at, c.worker, c.progress, c.result, c.error,
      c.cancel_requested_at, c.cancel_requested_by, c.queued_at, c.started_at, c.finished_at,
      coalesce(c.finished_at, clock_timestamp()) - c.started_at as duration,
      s.streams, s.streams_open, s.streams_failed, s.streams_skipped,
      s.pages, s.requests, s.retries, s.rows_read, s.rows_inserted, s.rows_updated, s.rows_unchanged, s.rows_rejected,
      s.throttled_ms, s.bytes, s.credits, s.credits_in_doubt,
      k.children, k.children_open, k.children_failed,
      (select count(*) from ledger.analysis_tasks t
        where t.root_call_id = c.root_id and (c.parent_id is null or t.job_call_id = c.id) and t.finished_at is null) as analysis_open,
      c.checks_failed
    from ledger.job_calls c
    cross join lateral (
      select count(*) as streams,
        count(*) filter (where status = 'open') as streams_open,
        count(*) filter (where status = 'failed') as streams_failed,
        count(*) filter (where status = 'skipped') as streams_skipped,
        coalesce(sum(pages), 0)::bigint as pages, coalesce(sum(requests), 0)::bigint as requests, coalesce(sum(retries), 0)::bigint as retries,
        coalesce(sum(rows_read), 0)::bigint as rows_read, coalesce(sum(rows_inserted), 0)::bigint as rows_inserted,
        coalesce(sum(rows_updated), 0)::bigint as rows_updated, coalesce(sum(rows_unchanged), 0)::bigint as rows_unchanged,
        coalesce(sum(rows_rejected), 0)::bigint as rows_rejected, coalesce(sum(throttled_ms), 0)::bigint as throttled_ms,
        coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(credits), 0)::bigint as credits,
        coalesce(sum(credits_in_doubt), 0)::bigint as credits_in_doubt
      from ledger.service_calls where job_call_id = c.id
    ) s
    cross join lateral (
      select count(*) as children,
        count(*) filter (where finished_at is null) as children_open,
        count(*) filter (where status = 'failed') as children_failed
      from ledger.job_calls where parent_id = c.id
    ) k
    union all
    select null, t.job, 'cron', t.scheduled_for, null, null, '', '{}', 'queued',
      0, 0, null, null, null, null, null, null, null, t.queued_at, null, null, null,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, null
    from ledger.ticks t where t.job_call_id is null and t.skipped_reason is null`.execute(db)
}
