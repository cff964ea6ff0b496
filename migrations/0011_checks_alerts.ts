import { type Kysely, sql } from 'kysely'

/**
 * What a job's checks found, and incidents: a job that failed, is late, or whose check failed, from when to when.
 * What is to be posted of them stands beside them, so that it outlives the process and the webhook that is down.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table ledger.job_calls
      add column checked_at timestamptz,
      add column checks_failed int,
      add constraint checked_when_counted check (checks_failed is null or checked_at is not null)`.execute(
    db,
  )
  await comment(db, 'column ledger.job_calls.checked_at', 'When the checks of its job last ran')
  await comment(
    db,
    'column ledger.job_calls.checks_failed',
    'How many of them did not hold, or could not be run; null: none has run',
  )

  await sql`
    create table ledger.checks (
      job_call_id uuid not null,
      name text not null,
      job text not null,
      title text not null,
      status text not null,
      found text not null,
      checked_at timestamptz not null default clock_timestamp(),
      primary key (job_call_id, name),
      constraint status_is_known check (status in ('passed', 'failed', 'unknown', 'broken'))
    )`.execute(db)
  await comment(db, 'table ledger.checks', 'What each check of a job found, after a job call')
  await comment(
    db,
    'column ledger.checks.status',
    'unknown: there was too little to tell by; broken: the check itself could not be run',
  )
  await sql`create index checks_of_job on ledger.checks (job, checked_at)`.execute(db)
  await sql`
    create view ledger.check_states as
    select c.job, c.name, c.title, c.status, c.found, c.checked_at, c.job_call_id,
      case when c.status in ('failed', 'broken') then (
        select min(b.checked_at) from ledger.checks b
        where b.job = c.job and b.name = c.name and b.status in ('failed', 'broken')
          and b.checked_at > coalesce((select max(p.checked_at) from ledger.checks p
            where p.job = c.job and p.name = c.name and p.status = 'passed'), '-infinity')
      ) end as failing_since
    from (select distinct job from ledger.checks) j
    cross join lateral (
      select job_call_id from ledger.checks where job = j.job order by checked_at desc limit 1
    ) newest
    join ledger.checks c on c.job_call_id = newest.job_call_id`.execute(db)

  await sql`
    alter table ledger.schedules
      add column late_after interval,
      add column counted_since timestamptz not null default clock_timestamp(),
      add constraint late_after_is_positive check (late_after > interval '0')`.execute(db)
  await comment(
    db,
    'column ledger.schedules.late_after',
    'How long after a tick its call may take to succeed; null: what the job says',
  )
  await comment(
    db,
    'column ledger.schedules.counted_since',
    'From when on its ticks count: introduced, changed, or no longer paused',
  )

  await sql`
    create table ledger.incidents (
      id bigint generated always as identity primary key,
      job text not null,
      kind text not null,
      about text not null default '',
      job_call_id uuid,
      message text not null,
      hint text,
      opened_at timestamptz not null default clock_timestamp(),
      closed_at timestamptz,
      closed_because text,
      constraint kind_is_known check (kind in ('failed', 'late', 'check')),
      constraint closed_with_a_reason check ((closed_at is null) = (closed_because is null))
    )`.execute(db)
  await comment(
    db,
    'table ledger.incidents',
    'A job that failed, is late, or whose check failed: from when to when',
  )
  await comment(
    db,
    'column ledger.incidents.about',
    "Of a check its name; 'parts' where calls on a subject failed; '' where the whole job did",
  )
  await sql`create unique index incidents_open on ledger.incidents (job, kind, about) where closed_at is null`.execute(
    db,
  )
  await sql`
    create table ledger.incident_posts (
      incident_id bigint not null references ledger.incidents on delete cascade,
      says text not null,
      tries int not null default 0,
      next_try_at timestamptz not null default clock_timestamp(),
      queued_at timestamptz not null default clock_timestamp(),
      sent_at timestamptz,
      given_up_at timestamptz,
      error text,
      primary key (incident_id, says),
      constraint says_is_known check (says in ('begun', 'over')),
      constraint sent_or_given_up check (sent_at is null or given_up_at is null)
    )`.execute(db)
  await comment(
    db,
    'table ledger.incident_posts',
    'What is to be posted to ALERT_WEBHOOK_URL, and what came of it',
  )
}

async function comment(db: Kysely<unknown>, what: string, text: string): Promise<void> {
  await sql`comment on ${sql.raw(what)} is ${sql.lit(text)}`.execute(db)
}
