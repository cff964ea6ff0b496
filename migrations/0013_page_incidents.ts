import { type Kysely, sql } from 'kysely'

/** The page shows late jobs and failed checks too, now that the ledger knows of them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await jobStates(db)
  await recentCalls(db)
  await trouble(db)
}

async function jobStates(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view ledger.job_states as
    select n.job, case
        when last.status = 'failed' then 'failed'
        when incidents.late_since is not null then 'late'
        when live.count > 0 then 'running'
        when incidents.checks_failed > 0 then 'check failed'
        when s.paused then 'paused'
        when last.status is null then 'never ran'
        else last.status end as state,
      coalesce(s.paused, false) as paused, s.expression, s.timezone, s.error as schedule_error, s.last_tick,
      live.count as live, waiting.count as ticks_waiting,
      last.id as last_call_id, last.status as last_status, last.error as last_error, last.finished_at as last_finished_at,
      success.at as last_success_at, clock_timestamp() - success.at as age,
      failing.count as failed_since_success,
      incidents.late_since, incidents.checks_failed
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
    ) waiting
    cross join lateral (
      select min(opened_at) filter (where kind = 'late') as late_since, count(*) filter (where kind = 'check') as checks_failed
      from ledger.incidents where job = n.job and closed_at is null
    ) incidents`.execute(db)
}

async function recentCalls(db: Kysely<unknown>): Promise<void> {
  await sql`drop function ledger.recent_calls(int)`.execute(db)
  await sql`
    create function ledger.recent_calls(most int default 50)
    returns table (job text, id uuid, status text, trigger text, scheduled_for timestamptz, queued_at timestamptz,
      started_at timestamptz, finished_at timestamptz, seconds float8, attempt int, error_kind text, checks_failed int)
    language sql stable as $$
      select n.job, c.id, c.status, c.trigger, c.scheduled_for, c.queued_at, c.started_at, c.finished_at,
        extract(epoch from coalesce(c.finished_at, clock_timestamp()) - c.started_at)::float8, c.attempt, c.error ->> 'kind',
        coalesce(c.checks_failed, 0)
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

async function trouble(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view ledger.trouble as
    select 'failed' as what, job, last_call_id as job_call_id, null as service,
      coalesce(last_error ->> 'message', 'it failed') as why, last_error ->> 'hint' as hint, last_finished_at as since
    from ledger.job_states
    -- Of a job without a schedule the last call may have failed a year ago, and never be made again.
    where last_status = 'failed' and (last_tick is not null or last_finished_at > clock_timestamp() - interval '7 days')
    union all
    select case kind when 'check' then 'check ' || about else kind end, job, job_call_id, null, message, hint, opened_at
    from ledger.incidents where closed_at is null and kind in ('late', 'check')
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
}
