import { type Kysely, sql } from 'kysely'

/** What operators ask: docs/ledger.md names each view with its questions. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view ledger.runs as
    select c.id, c.job, c.trigger, c.scheduled_for, c.parent_id, c.root_id, c.subject, c.params, c.status,
      c.attempt, c.failures, c.next_attempt_at, c.worker, c.progress, c.result, c.error,
      c.cancel_requested_at, c.cancel_requested_by, c.queued_at, c.started_at, c.finished_at,
      coalesce(c.finished_at, clock_timestamp()) - c.started_at as duration,
      s.streams, s.streams_open, s.streams_failed, s.streams_skipped,
      s.pages, s.requests, s.retries, s.rows_read, s.rows_inserted, s.rows_updated, s.rows_unchanged, s.rows_rejected,
      s.throttled_ms, s.bytes, s.credits, s.credits_in_doubt,
      k.children, k.children_open, k.children_failed,
      (select count(*) from ledger.analysis_tasks t where t.job_call_id = c.id and t.finished_at is null) as analysis_open
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
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from ledger.ticks t where t.job_call_id is null and t.skipped_reason is null`.execute(db)

  await sql`
    create view ledger.open_streams as
    select s.id, s.job_call_id, c.job, c.status as job_call_status, c.worker, s.service, s.operation, s.subject, s.cursor,
      s.pages, s.requests, s.retries, s.rows_read, s.throttled_ms, s.started_at, s.updated_at,
      clock_timestamp() - s.updated_at as quiet_for
    from ledger.service_calls s join ledger.job_calls c on c.id = s.job_call_id
    where s.status = 'open'`.execute(db)

  await sql`
    create view ledger.freshness as
    select j.job, coalesce(s.paused, false) as paused, s.last_tick, f.last_success_at, clock_timestamp() - f.last_success_at as age,
      f.last_status, f.last_finished_at, l.live, w.watermark
    -- Also jobs that no scheduler has met: they ran only by hand so far.
    from (select job from ledger.schedules union select job from ledger.job_calls where parent_id is null) j
    left join ledger.schedules s on s.job = j.job
    cross join lateral (
      select max(finished_at) filter (where status = 'succeeded') as last_success_at,
        max(finished_at) as last_finished_at,
        (array_agg(status order by finished_at desc) filter (where finished_at is not null))[1] as last_status
      from ledger.job_calls where job = j.job and parent_id is null
    ) f
    cross join lateral (
      select count(*) as live from ledger.job_calls where job = j.job and parent_id is null and finished_at is null
    ) l
    cross join lateral (
      select min(value) as watermark from ledger.watermarks where job = j.job
    ) w`.execute(db)

  await sql`
    create view ledger.stuck as
    select id, job, status, 'its worker ' || coalesce(worker, '?') || ' stopped without giving the lease back' as why, lease_expires_at as since
    from ledger.job_calls where status = 'running' and lease_expires_at < clock_timestamp() - interval '10 seconds'
    union all
    select id, job, status, 'due, but no worker takes it: is one running?', coalesce(next_attempt_at, queued_at)
    from ledger.job_calls where finished_at is null and status = 'queued' and coalesce(next_attempt_at, queued_at) < clock_timestamp() - interval '5 minutes'
    union all
    select id, job, status, 'its time to go on has passed: is a worker running?', next_attempt_at
    from ledger.job_calls where finished_at is null and status = 'waiting' and next_attempt_at < clock_timestamp() - interval '5 minutes'
    union all
    select id, job, status, 'waits for children, but none is open', coalesce(started_at, queued_at)
    from ledger.job_calls c where finished_at is null and status = 'waiting' and next_attempt_at is null
      and not exists (select from ledger.job_calls k where k.parent_id = c.id and k.finished_at is null)
    union all
    select null, job, 'queued', 'a tick that no worker opens: is one running?', queued_at
    from ledger.ticks where job_call_id is null and skipped_reason is null and queued_at < clock_timestamp() - interval '5 minutes'`.execute(
    db,
  )

  // A role that can only read, for `npm run ledger -- sql`. On a database where we may not make roles,
  // the read-only transaction alone holds.
  await sql`
    do $$ begin
      if not exists (select from pg_roles where rolname = 'nightledger_reader') then
        create role nightledger_reader nologin;
      end if;
      execute format('grant nightledger_reader to %I', current_user);
    exception when insufficient_privilege or duplicate_object or unique_violation then
      raise notice 'no role nightledger_reader: %', sqlerrm;
    end $$`.execute(db)
  await sql`
    do $$ begin
      if exists (select from pg_roles where rolname = 'nightledger_reader') then
        grant usage on schema ledger, raw, public to nightledger_reader;
        grant select on all tables in schema ledger, raw, public to nightledger_reader;
        alter default privileges in schema ledger, raw, public grant select on tables to nightledger_reader;
      end if;
    end $$`.execute(db)
}
