import { type Kysely, sql } from 'kysely'

/**
 * The ledger: what ran, how far it got, what it cost.
 *
 * A unique key of a partitioned table must hold its partition key, so what must be unique over all time
 * (ticks, idempotency keys) are small plain tables, and `job_calls` and `service_calls` are partitioned
 * by the time inside their uuid v7. No foreign key points into them: retention drops whole partitions.
 * Columns that a running call writes often (lease_expires_at, progress, cursor, counters) stand in no
 * index and in no index predicate, and pages are left a tenth empty, so that those updates stay HOT.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`create schema if not exists ledger`.execute(db)
  await uuidV7(db)

  await sql`
    create table ledger.job_calls (
      id uuid primary key default ledger.uuid_v7(),
      job text not null,
      trigger text not null,
      scheduled_for timestamptz,
      parent_id uuid,
      root_id uuid not null,
      subject text not null default '',
      params jsonb not null default '{}',
      status text not null default 'queued',
      attempt int not null default 0,
      failures int not null default 0,
      next_attempt_at timestamptz,
      lease_token uuid,
      lease_expires_at timestamptz,
      worker text,
      progress jsonb,
      result jsonb,
      error jsonb,
      cancel_requested_at timestamptz,
      cancel_requested_by text,
      fresh boolean not null default false,
      adopted_from uuid,
      reading_since timestamptz,
      queued_at timestamptz not null default clock_timestamp(),
      started_at timestamptz,
      finished_at timestamptz,
      constraint trigger_is_known check (trigger in ('cron', 'http', 'cli', 'job')),
      constraint status_is_known check (status in ('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled')),
      constraint finished_exactly_when_final check ((finished_at is not null) = (status in ('succeeded', 'failed', 'cancelled'))),
      constraint leased_exactly_when_running check ((lease_token is not null) = (status = 'running')),
      constraint lease_has_an_end check ((lease_token is null) = (lease_expires_at is null)),
      constraint started_when_attempted check (attempt = 0 or started_at is not null),
      constraint failed_with_an_error check (status <> 'failed' or error is not null),
      constraint child_has_trigger_job check ((parent_id is not null) = (trigger = 'job')),
      constraint root_is_its_own_root check (parent_id is not null or root_id = id),
      constraint cancel_names_who check ((cancel_requested_at is null) = (cancel_requested_by is null))
    ) partition by range (id)`.execute(db)
  await sql`comment on table ledger.job_calls is 'One run of a job'`.execute(db)
  await sql`comment on column ledger.job_calls.failures is 'Failed attempts since it was queued or resumed; at the limit of the job it ends failed'`.execute(
    db,
  )
  await sql`comment on column ledger.job_calls.fresh is 'Asked to start afresh: adopts no cursor of an earlier call'`.execute(
    db,
  )
  await sql`comment on column ledger.job_calls.reading_since is 'When reading for this call began: what a watermark moves to; inherited with adopted cursors'`.execute(
    db,
  )
  await sql`create index job_calls_live on ledger.job_calls (job, subject) where finished_at is null`.execute(
    db,
  )
  await sql`create index job_calls_running on ledger.job_calls (id) where status = 'running'`.execute(
    db,
  )
  await sql`create index job_calls_children on ledger.job_calls (parent_id) where parent_id is not null`.execute(
    db,
  )
  await sql`create index job_calls_tree on ledger.job_calls (root_id, id) where finished_at is null`.execute(
    db,
  )
  await sql`create index job_calls_of_job on ledger.job_calls (job, id)`.execute(db)
  // Who takes up a call looks for the last one of its subject: among hundreds of thousands a night, where each is of another.
  await sql`create index job_calls_of_subject on ledger.job_calls (job, subject, id)`.execute(db)

  await sql`
    create table ledger.service_calls (
      id uuid not null default ledger.uuid_v7(),
      job_call_id uuid not null,
      service text not null,
      operation text not null,
      subject text not null default '',
      status text not null default 'open',
      cursor jsonb,
      pages bigint not null default 0,
      requests bigint not null default 0,
      retries bigint not null default 0,
      rows_read bigint not null default 0,
      rows_inserted bigint not null default 0,
      rows_updated bigint not null default 0,
      rows_unchanged bigint not null default 0,
      rows_rejected bigint not null default 0,
      throttled_ms bigint not null default 0,
      bytes bigint not null default 0,
      credits bigint not null default 0,
      credits_in_doubt bigint not null default 0,
      error jsonb,
      adopted_from uuid,
      started_at timestamptz,
      updated_at timestamptz not null default clock_timestamp(),
      finished_at timestamptz,
      primary key (job_call_id, id),
      constraint service_is_known check (service in ('amocrm', 'apollo', 'instagram', 'vision', 'text-ml', 'minio')),
      constraint status_is_known check (status in ('open', 'done', 'failed', 'skipped')),
      constraint finished_exactly_when_not_open check ((finished_at is not null) = (status <> 'open')),
      constraint failed_with_an_error check (status <> 'failed' or error is not null),
      constraint every_row_read_is_accounted_for check (rows_read = rows_inserted + rows_updated + rows_unchanged + rows_rejected)
    ) partition by range (job_call_id)`.execute(db)
  await sql`comment on table ledger.service_calls is 'One stream of requests to one operation of an outside service, on one subject'`.execute(
    db,
  )
  await sql`create unique index service_calls_stream on ledger.service_calls (job_call_id, service, operation, subject)`.execute(
    db,
  )
  await sql`create index service_calls_open on ledger.service_calls (job_call_id, service, operation, id) where status = 'open'`.execute(
    db,
  )
  await sql`create index service_calls_id on ledger.service_calls (id)`.execute(db)

  await partitions(db)

  await sql`
    create table ledger.schedules (
      job text primary key,
      expression text,
      timezone text,
      paused boolean not null default false,
      overlap text not null default 'skip',
      catch_up text not null default 'last',
      catch_up_cap int not null default 10,
      last_tick timestamptz not null default clock_timestamp(),
      counted_expression text,
      counted_timezone text,
      error text,
      constraint overlap_is_known check (overlap in ('skip', 'queue', 'allow')),
      constraint catch_up_is_known check (catch_up in ('none', 'last', 'all')),
      constraint catch_up_cap_is_positive check (catch_up_cap between 1 and 1000)
    )`.execute(db)
  await sql`comment on column ledger.schedules.expression is 'Null: the default from the settings'`.execute(
    db,
  )
  await sql`comment on column ledger.schedules.last_tick is 'Ticks up to here have been handed out'`.execute(
    db,
  )
  await sql`comment on column ledger.schedules.counted_expression is 'The expression that last_tick was counted with: another one counts from now'`.execute(
    db,
  )

  await sql`
    create table ledger.ticks (
      job text not null,
      scheduled_for timestamptz not null,
      queued_at timestamptz not null default clock_timestamp(),
      job_call_id uuid,
      skipped_reason text,
      primary key (job, scheduled_for),
      constraint opened_or_skipped check (job_call_id is null or skipped_reason is null)
    )`.execute(db)
  await sql`create index ticks_unopened on ledger.ticks (job, scheduled_for) where job_call_id is null and skipped_reason is null`.execute(
    db,
  )

  await sql`
    create table ledger.watermarks (
      job text not null,
      service text not null,
      operation text not null,
      subject text not null default '',
      value timestamptz not null,
      job_call_id uuid not null,
      updated_at timestamptz not null default clock_timestamp(),
      primary key (job, service, operation, subject)
    )`.execute(db)

  await sql`
    create table ledger.subject_reads (
      service text not null,
      operation text not null,
      subject text not null,
      read_at timestamptz not null,
      value jsonb,
      primary key (service, operation, subject)
    )`.execute(db)
  await sql`comment on table ledger.subject_reads is 'When a subject was last read whole (and what it said, where that is short), so that it is not asked again a moment later'`.execute(
    db,
  )

  await sql`
    create table ledger.records_met (
      job_call_id uuid not null,
      entity text not null,
      external_id text not null,
      primary key (job_call_id, entity, external_id)
    )`.execute(db)
  await sql`comment on table ledger.records_met is 'What a full read has met so far; the rest is looked for by id and then marked'`.execute(
    db,
  )

  await sql`
    create table ledger.rejects (
      id bigint generated always as identity primary key,
      source text not null,
      entity text not null,
      external_id text not null,
      payload jsonb,
      reason text not null,
      job_call_id uuid not null,
      service_call_id uuid not null,
      first_seen_at timestamptz not null default clock_timestamp(),
      last_seen_at timestamptz not null default clock_timestamp(),
      closed_at timestamptz,
      unique (source, entity, external_id)
    )`.execute(db)
  await sql`comment on column ledger.rejects.external_id is 'Where the record has no id: sha256: and the hash of what came'`.execute(
    db,
  )
  await sql`create index rejects_open on ledger.rejects (source, entity) where closed_at is null`.execute(
    db,
  )
  await sql`create index rejects_of_call on ledger.rejects (job_call_id)`.execute(db)

  await sql`
    create table ledger.workers (
      id text primary key,
      host text not null,
      pid int not null,
      roles text[] not null,
      pool_id text,
      concurrency int not null,
      started_at timestamptz not null default clock_timestamp(),
      heartbeat_at timestamptz not null default clock_timestamp(),
      stopped_at timestamptz
    )`.execute(db)
  await sql`comment on column ledger.workers.pool_id is 'Under which graphile-worker locks its jobs: what force_unlock_workers takes'`.execute(
    db,
  )

  await sql`
    create table ledger.analysis_tasks (
      id uuid primary key,
      service text not null,
      content_key text not null,
      status text not null default 'waiting',
      job_call_id uuid not null,
      service_call_id uuid,
      request jsonb not null,
      remote_id text,
      idempotency_key text,
      attempt int not null default 0,
      in_doubt boolean not null default false,
      next_poll_at timestamptz,
      deadline_at timestamptz,
      error jsonb,
      created_at timestamptz not null default clock_timestamp(),
      submitted_at timestamptz,
      finished_at timestamptz,
      unique (service, content_key),
      constraint service_is_known check (service in ('vision', 'text-ml')),
      constraint status_is_known check (status in ('waiting', 'submitted', 'succeeded', 'failed', 'expired', 'skipped', 'cancelled')),
      constraint finished_exactly_when_final check ((finished_at is not null) = (status not in ('waiting', 'submitted')))
    )`.execute(db)
  await sql`create index analysis_tasks_open on ledger.analysis_tasks (job_call_id) where finished_at is null`.execute(
    db,
  )

  await sql`
    create table ledger.idempotency_keys (
      key text primary key,
      request_hash bytea not null,
      job_call_id uuid,
      answer jsonb,
      created_at timestamptz not null default clock_timestamp(),
      answered_at timestamptz
    )`.execute(db)

  await sql`create schema if not exists raw`.execute(db)
  await sql`
    create table raw.records (
      source text not null,
      entity text not null,
      external_id text not null,
      payload jsonb not null,
      content_hash bytea not null,
      fetched_at timestamptz not null,
      service_call_id uuid not null,
      primary key (source, entity, external_id)
    )`.execute(db)
  await sql`comment on column raw.records.fetched_at is 'When this content was asked for; an answer to an earlier request never overwrites it'`.execute(
    db,
  )
}

/** Ids that run with time, so that partitions by id are partitions by time. */
async function uuidV7(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function ledger.uuid_v7_floor(at timestamptz) returns uuid language sql immutable strict as $$
      select (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
    $$`.execute(db)
  await sql`
    create function ledger.uuid_v7() returns uuid language sql volatile as $$
      select encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        placing substring(int8send((extract(epoch from clock_timestamp()) * 1000)::bigint) from 3) from 1 for 6), 52, 1), 53, 1), 'hex')::uuid
    $$`.execute(db)
  await sql`comment on function ledger.uuid_v7 is 'Postgres has its own only from 18 on'`.execute(
    db,
  )
  await sql`comment on function ledger.uuid_v7_floor is 'The least uuid v7 of a moment: compares ids with times'`.execute(
    db,
  )
}

/** Monthly partitions, made ahead and dropped whole; a default one, so that no insert ever finds no place. */
async function partitions(db: Kysely<unknown>): Promise<void> {
  await sql`create table ledger.job_calls_default partition of ledger.job_calls default`.execute(db)
  await sql`create table ledger.service_calls_default partition of ledger.service_calls default`.execute(
    db,
  )
  await sql`
    create function ledger.ensure_partitions(months_ahead int default 3) returns int language plpgsql as $$
    declare
      parent text; part text; key text; made int := 0;
      month timestamptz; low uuid; high uuid;
    begin
      perform pg_advisory_xact_lock(hashtext('ledger.ensure_partitions'));
      for i in 0..months_ahead loop
        month := date_trunc('month', clock_timestamp() at time zone 'UTC' + make_interval(months => i)) at time zone 'UTC';
        low := ledger.uuid_v7_floor(month);
        high := ledger.uuid_v7_floor((month at time zone 'UTC' + interval '1 month') at time zone 'UTC');
        for parent, key in values ('job_calls', 'id'), ('service_calls', 'job_call_id') loop
          part := parent || to_char(month at time zone 'UTC', '_YYYY_MM');
          continue when to_regclass('ledger.' || part) is not null;
          execute format('create table ledger.%I (like ledger.%I including defaults including constraints) with (fillfactor = 90)', part, parent);
          -- Rows that came while this month had no partition of its own lie in the default one and block attaching.
          execute format('with moved as (delete from ledger.%I where %I >= %L and %I < %L returning *) insert into ledger.%I select * from moved',
            parent || '_default', key, low, key, high, part);
          execute format('alter table ledger.%I attach partition ledger.%I for values from (%L) to (%L)', parent, part, low, high);
          made := made + 1;
        end loop;
      end loop;
      return made;
    end $$`.execute(db)
  await sql`
    create function ledger.drop_old_partitions(keep interval) returns text[] language plpgsql as $$
    declare
      month text; dropped text[] := '{}'; has_open boolean;
    begin
      perform pg_advisory_xact_lock(hashtext('ledger.ensure_partitions'));
      for month in
        select right(c.relname, 7) from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'ledger.job_calls'::regclass and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
          and to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' < (clock_timestamp() - keep) at time zone 'UTC'
        order by 1
      loop
        execute format('select exists (select from ledger.%I where finished_at is null)', 'job_calls_' || month) into has_open;
        continue when has_open;
        execute format('drop table ledger.%I', 'service_calls_' || month);
        execute format('drop table ledger.%I', 'job_calls_' || month);
        dropped := dropped || month;
      end loop;
      return dropped;
    end $$`.execute(db)
  await sql`select ledger.ensure_partitions()`.execute(db)
}
