import { type Kysely, sql } from 'kysely'

/**
 * What /metrics counts for ever, though the ledger forgets: retention drops partitions, and a counter must not go back.
 *
 * A trigger tallies what happens to job calls, in the transaction that does it, whoever does it: into a log without an index,
 * so that nobody waits for anybody; the log is folded into the totals now and then. The counter is the sum of both.
 * Rows and pages count in the totals once their call has ended, and from its streams as long as it lives: one that is
 * resumed is taken out again.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await tables(db)
  await functions(db)
  await sql`
    create trigger tally_calls after update on ledger.job_calls referencing old table as before new table as after
      for each statement execute function ledger.tally_calls()`.execute(db)
  await countSoFar(db)
}

async function tables(db: Kysely<unknown>): Promise<void> {
  const columns = sql`
    name text not null, job text not null default '', service text not null default '', label text not null default '',
    bucket int not null default 0, n bigint not null, seconds float8 not null default 0`
  await sql`create table ledger.tally_log (${columns})`.execute(db)
  await sql`create table ledger.tallies (${columns}, primary key (name, job, service, label, bucket))`.execute(
    db,
  )
  await sql`comment on table ledger.tallies is 'What was counted since ever, but for what still stands in tally_log: the counters of /metrics'`.execute(
    db,
  )
  await sql`comment on column ledger.tallies.bucket is 'Of a time, by tally_bounds; -1: there was none'`.execute(
    db,
  )
}

async function functions(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function ledger.tally_bounds() returns float8[] language sql immutable
      return array[0.5, 1, 5, 15, 60, 300, 900, 3600, 10800, 43200]::float8[]`.execute(db)
  await sql`comment on function ledger.tally_bounds is 'Where the buckets of times end, in seconds'`.execute(
    db,
  )
  await sql`
    create view ledger.stream_tallies as
    select s.job_call_id, s.service, v.name, v.label, v.n
    from ledger.service_calls s
    cross join lateral (values ('pages', '', s.pages), ('rows', 'inserted', s.rows_inserted), ('rows', 'updated', s.rows_updated),
      ('rows', 'unchanged', s.rows_unchanged), ('rows', 'rejected', s.rows_rejected)) as v (name, label, n)
    where v.n <> 0`.execute(db)
  // A statement may end a call, or a quarter of a million. Grouped, not joined: the plan is kept from the first statement, and a
  // loop that is right for one call would take hours for all.
  await sql`
    create function ledger.tally_calls() returns trigger language plpgsql as $$
    begin
      insert into ledger.tally_log (name, job, service, label, bucket, n, seconds)
      with changed as (
        select id,
          max(job) filter (where is_new) as job, max(status) filter (where is_new) as status,
          max(attempt) filter (where is_new) as attempt, max(queued_at) filter (where is_new) as queued_at,
          max(started_at) filter (where is_new) as started_at, max(finished_at) filter (where is_new) as finished_at,
          bool_or(finished_at is not null and is_new)::int - bool_or(finished_at is not null and not is_new)::int as ended,
          bool_or(lease_token is not null and is_new)::int - bool_or(lease_token is not null and not is_new)::int as leased,
          max(error ->> 'kind') filter (where is_new) as kind, max(error ->> 'kind') filter (where not is_new) as kind_before
        from (
          select true as is_new, id, job, status, attempt, queued_at, started_at, finished_at, lease_token, error from after
          union all
          select false, id, job, status, attempt, queued_at, started_at, finished_at, lease_token, error from before
        ) both_of_each
        group by id
      ), times as (
        select 'ended' as name, job, status as label, extract(epoch from finished_at - started_at)::float8 as s from changed where ended = 1
        union all
        select 'waited', job, '', extract(epoch from started_at - queued_at)::float8 from changed where leased = 1 and attempt = 1
      ), events as (
        select 'taken_over' as name, job from changed where leased = 1 and kind_before = 'crashed'
        union all
        -- Its holder gives a lease back with an end or a reason; who takes it away says that it crashed, or nothing.
        select 'lease_lost', job from changed where leased = -1 and (kind = 'crashed' or status = 'queued' and kind is null)
      )
      select name, job, '', label, coalesce(width_bucket(s, ledger.tally_bounds()), -1), count(*), coalesce(sum(greatest(s, 0)), 0)
      from times group by 1, 2, 3, 4, 5
      union all
      select name, job, '', '', 0, count(*), 0 from events group by 1, 2
      union all
      select s.name, c.job, s.service, s.label, 0, sum(c.ended * s.n), 0
      from changed c join ledger.stream_tallies s on s.job_call_id = c.id
      where c.ended <> 0 and c.attempt > 0
      group by 1, 2, 3, 4;
      return null;
    end $$`.execute(db)
  await sql`
    create function ledger.fold_tallies() returns void language sql as $$
      with taken as (
        delete from ledger.tally_log where ctid in (select ctid from ledger.tally_log limit 100000 for update skip locked) returning *
      )
      insert into ledger.tallies as t (name, job, service, label, bucket, n, seconds)
      select name, job, service, label, bucket, sum(n), sum(seconds) from taken
      group by name, job, service, label, bucket order by name, job, service, label, bucket
      on conflict (name, job, service, label, bucket) do update set n = t.n + excluded.n, seconds = t.seconds + excluded.seconds
    $$`.execute(db)
}

/** What the ledger holds by now: a call that ended before this and is resumed later is taken out of it. */
async function countSoFar(db: Kysely<unknown>): Promise<void> {
  await sql`
    insert into ledger.tallies (name, job, service, label, n)
    select s.name, c.job, s.service, s.label, sum(s.n)
    from ledger.stream_tallies s join ledger.job_calls c on c.id = s.job_call_id
    where c.finished_at is not null
    group by s.name, c.job, s.service, s.label`.execute(db)
  await sql`
    insert into ledger.tallies (name, job, label, bucket, n, seconds)
    select 'ended', job, status, coalesce(width_bucket(s, ledger.tally_bounds()), -1), count(*), coalesce(sum(s), 0)
    from (select job, status, extract(epoch from finished_at - started_at)::float8 as s from ledger.job_calls where finished_at is not null) c
    group by 1, 2, 3, 4`.execute(db)
}
