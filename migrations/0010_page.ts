import { type Kysely, sql } from 'kysely'

/** What the page at `/` shows and does: each view is for operators as well (docs/ledger.md). */
export async function up(db: Kysely<unknown>): Promise<void> {
  await actions(db)
  await sessions(db)
  await jobStates(db)
  await recentCalls(db)
  await streams(db)
  await trouble(db)
  await analysisStates(db)
}

async function actions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.actions (
      id bigint generated always as identity primary key,
      at timestamptz not null default clock_timestamp(),
      who text not null,
      door text not null,
      action text not null,
      job text,
      job_call_id uuid,
      service text,
      constraint door_is_known check (door in ('page', 'cli')),
      constraint action_is_known check (action in ('run', 'resume', 'cancel', 'pause', 'unpause', 'unblock')),
      constraint names_its_object check (num_nonnulls(job, service) = 1)
    )`.execute(db)
  await sql`comment on table ledger.actions is 'What people did, by a button of the page or a command: written in the transaction that did it'`.execute(
    db,
  )
  await sql`create index actions_of_call on ledger.actions (job_call_id) where job_call_id is not null`.execute(
    db,
  )
}

async function sessions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.page_sessions (
      key bytea primary key,
      who text not null,
      opened_at timestamptz not null default clock_timestamp(),
      expires_at timestamptz not null
    )`.execute(db)
  await sql`comment on column ledger.page_sessions.key is 'HMAC of what the cookie holds, under API_TOKEN: the row opens nothing, and another token ends all sessions'`.execute(
    db,
  )
}

async function jobStates(db: Kysely<unknown>): Promise<void> {
  // Calls of their own are few among those that other calls made: the page looks for them often.
  await sql`create index job_calls_roots on ledger.job_calls (job, id) where parent_id is null`.execute(
    db,
  )
  await sql`create index job_calls_ended on ledger.job_calls (job, finished_at) where parent_id is null and finished_at is not null`.execute(
    db,
  )
  await sql`
    create view ledger.job_names as
    with recursive called as (
      (select job from ledger.job_calls where parent_id is null order by job limit 1)
      union all
      select (select c.job from ledger.job_calls c where c.parent_id is null and c.job > called.job order by c.job limit 1)
      from called where called.job is not null
    )
    select job from called where job is not null union select job from ledger.schedules`.execute(db)
  await sql`comment on view ledger.job_names is 'Jobs that have a schedule or were called by themselves; found by leaps over an index, not by reading all calls'`.execute(
    db,
  )
  await sql`
    create view ledger.job_states as
    select n.job, case
        when last.status = 'failed' then 'failed'
        when live.count > 0 then 'running'
        when s.paused then 'paused'
        when last.status is null then 'never ran'
        else last.status end as state,
      coalesce(s.paused, false) as paused, s.expression, s.timezone, s.error as schedule_error, s.last_tick,
      live.count as live, waiting.count as ticks_waiting,
      last.id as last_call_id, last.status as last_status, last.error as last_error, last.finished_at as last_finished_at,
      success.at as last_success_at, clock_timestamp() - success.at as age,
      failing.count as failed_since_success
    from ledger.job_names n
    left join ledger.schedules s on s.job = n.job
    left join lateral (
      select id, status, error, finished_at from ledger.job_calls
      where job = n.job and parent_id is null and finished_at is not null order by finished_at desc limit 1
    ) last on true
    cross join lateral (
      select max(finished_at) as at from ledger.job_calls
      where job = n.job and parent_id is null and finished_at is not null and status = 'succeeded'
    ) success
    cross join lateral (
      select count(*) from (
        select from ledger.job_calls
        where job = n.job and parent_id is null and finished_at > coalesce(success.at, '-infinity') and status = 'failed' limit 100
      ) of_them
    ) failing
    cross join lateral (
      select count(*) from ledger.job_calls where job = n.job and parent_id is null and finished_at is null
    ) live
    cross join lateral (
      select count(*) from ledger.ticks where job = n.job and job_call_id is null and skipped_reason is null
    ) waiting`.execute(db)
}

async function recentCalls(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function ledger.recent_calls(most int default 50)
    returns table (job text, id uuid, status text, trigger text, scheduled_for timestamptz, queued_at timestamptz,
      started_at timestamptz, finished_at timestamptz, seconds float8, attempt int, error_kind text)
    language sql stable as $$
      select n.job, c.id, c.status, c.trigger, c.scheduled_for, c.queued_at, c.started_at, c.finished_at,
        extract(epoch from coalesce(c.finished_at, clock_timestamp()) - c.started_at)::float8, c.attempt, c.error ->> 'kind'
      from ledger.job_names n
      cross join lateral (
        select * from ledger.job_calls where job = n.job and parent_id is null order by id desc limit most
      ) c
      order by n.job, c.id desc
    $$`.execute(db)
  await sql`comment on function ledger.recent_calls is 'The newest calls of each job, those left out that other calls made'`.execute(
    db,
  )
}

async function streams(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view ledger.streams as
    select s.*, c.job, c.status as job_call_status, coalesce(s.finished_at, s.updated_at) - s.started_at as took,
      before.rows_read as rows_last_time
    from ledger.service_calls s
    join ledger.job_calls c on c.id = s.job_call_id
    -- What the same stream read in the last call of this job and subject that succeeded: about as much is to come.
    left join lateral (
      select b.rows_read
      from (
        select p.id from ledger.job_calls p
        where p.job = c.job and p.subject = c.subject and p.id < c.id and p.status = 'succeeded' and p.params = c.params
        order by p.id desc limit 1
      ) previous
      join ledger.service_calls b on b.job_call_id = previous.id
        and b.service = s.service and b.operation = s.operation and b.subject = s.subject and b.status = 'done'
    ) before on true`.execute(db)
}

async function trouble(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view ledger.trouble as
    select 'failed' as what, job, last_call_id as job_call_id, null as service,
      coalesce(last_error ->> 'message', 'it failed') as why, last_error ->> 'hint' as hint, last_finished_at as since
    from ledger.job_states where last_status = 'failed'
    union all
    select 'stuck', job, id, null, why, null, since from ledger.stuck
    union all
    select 'schedule', job, null, null, 'its schedule cannot be read: ' || error, null, last_tick
    from ledger.schedules where error is not null
    union all
    select 'blocked', null, null, service, reason, 'settle it with the service, then unblock it', opened_at from ledger.breakers
    union all
    select 'no ' || role, null, null, null, 'no process with the role ' || role || ' has given a sign of life for 2 minutes', 'npm start',
      (select max(heartbeat_at) from ledger.workers where role = any(roles))
    from unnest(array['scheduler', 'worker']) as role
    where exists (select from ledger.schedules where not paused)
      and not exists (
        select from ledger.workers
        where role = any(roles) and stopped_at is null and heartbeat_at > clock_timestamp() - interval '2 minutes'
      )`.execute(db)
  await sql`comment on view ledger.trouble is 'What is not all right; empty: nothing needs a look'`.execute(
    db,
  )
}

async function analysisStates(db: Kysely<unknown>): Promise<void> {
  await sql`create index analysis_tasks_failed on ledger.analysis_tasks (service, finished_at) where status in ('failed', 'expired')`.execute(
    db,
  )
  await sql`
    create view ledger.analysis_states as
    select s.service, out.count as outstanding, out.oldest, failed.count as failed_in_a_week
    from unnest(array['vision', 'text-ml']) as s (service)
    cross join lateral (
      select count(*), min(created_at) as oldest from ledger.analysis_tasks where service = s.service and finished_at is null
    ) out
    cross join lateral (
      select count(*) from ledger.analysis_tasks
      where service = s.service and status in ('failed', 'expired') and finished_at > clock_timestamp() - interval '7 days'
    ) failed`.execute(db)
}
