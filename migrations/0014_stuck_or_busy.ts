import { type Kysely, sql } from 'kysely'

/**
 * A call that waits while workers work as much as they can is not stuck: thousands do in the night of a large job. And a crowd
 * that is stuck for one reason is one trouble.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create view ledger.busy_workers as
    select w.id, w.concurrency, r.running
    from ledger.workers w
    cross join lateral (select count(*) as running from ledger.job_calls where status = 'running' and worker = w.id) r
    where 'worker' = any(w.roles) and w.stopped_at is null and w.heartbeat_at > clock_timestamp() - interval '2 minutes'
      and r.running >= w.concurrency`.execute(db)
  await sql`comment on view ledger.busy_workers is 'Workers that run as many calls as they may: what is due waits for them'`.execute(
    db,
  )
  await sql`
    create or replace view ledger.stuck as
    select id, job, status, 'its worker ' || coalesce(worker, '?') || ' stopped without giving the lease back' as why, lease_expires_at as since
    from ledger.job_calls where status = 'running' and lease_expires_at < clock_timestamp() - interval '10 seconds'
    union all
    select id, job, status, 'due, but no worker takes it: is one running?', coalesce(next_attempt_at, queued_at)
    from ledger.job_calls where finished_at is null and status = 'queued' and coalesce(next_attempt_at, queued_at) < clock_timestamp() - interval '5 minutes'
      and not exists (select from ledger.busy_workers)
    union all
    select id, job, status, 'its time to go on has passed: is a worker running?', next_attempt_at
    from ledger.job_calls where finished_at is null and status = 'waiting' and next_attempt_at < clock_timestamp() - interval '5 minutes'
      and not exists (select from ledger.busy_workers)
    union all
    select id, job, status, 'waits for children, but none is open', coalesce(started_at, queued_at)
    from ledger.job_calls c where finished_at is null and status = 'waiting' and next_attempt_at is null
      and not exists (select from ledger.job_calls k where k.parent_id = c.id and k.finished_at is null)
    union all
    select null, job, 'queued', 'a tick that no worker opens: is one running?', queued_at
    from ledger.ticks where job_call_id is null and skipped_reason is null and queued_at < clock_timestamp() - interval '5 minutes'
      and not exists (select from ledger.busy_workers)`.execute(db)
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
    select 'stuck', job, (array_agg(id order by since))[1], null,
      case when count(*) > 1 then count(*) || ' calls: ' else '' end || why, null, min(since)
    from ledger.stuck group by job, why
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
