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
    create trigger tally_call after update on ledger.job_calls for each row
      when (old.finished_at is distinct from new.finished_at or old.lease_token is distinct from new.lease_token)
      execute function ledger.tally_call()`.execute(db)
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
    create function ledger.tally_time(p_name text, p_job text, p_label text, p_from timestamptz, p_to timestamptz)
    returns void language sql as $$
      insert into ledger.tally_log (name, job, label, bucket, n, seconds)
      select p_name, p_job, p_label, coalesce(width_bucket(s, ledger.tally_bounds()), -1), 1, coalesce(s, 0)
      from (select greatest(0, extract(epoch from p_to - p_from))::float8 as s) took
    $$`.execute(db)
  await sql`
    create view ledger.stream_tallies as
    select s.job_call_id, s.service, v.name, v.label, v.n
    from ledger.service_calls s
    cross join lateral (values ('pages', '', s.pages), ('rows', 'inserted', s.rows_inserted), ('rows', 'updated', s.rows_updated),
      ('rows', 'unchanged', s.rows_unchanged), ('rows', 'rejected', s.rows_rejected)) as v (name, label, n)
    where v.n <> 0`.execute(db)
  await sql`
    create function ledger.tally_call() returns trigger language plpgsql as $$
    declare
      sign int := case when old.finished_at is null and new.finished_at is not null then 1
        when old.finished_at is not null and new.finished_at is null then -1 else 0 end;
    begin
      if sign <> 0 then
        insert into ledger.tally_log (name, job, service, label, n)
        select name, new.job, service, label, sign * sum(n) from ledger.stream_tallies
        where job_call_id = new.id group by name, service, label;
      end if;
      if sign = 1 then
        perform ledger.tally_time('ended', new.job, new.status, new.started_at, new.finished_at);
      end if;
      if old.lease_token is null and new.lease_token is not null then
        if new.attempt = 1 then
          perform ledger.tally_time('waited', new.job, '', new.queued_at, new.started_at);
        end if;
        if old.error ->> 'kind' = 'crashed' then
          insert into ledger.tally_log (name, job, n) values ('taken_over', new.job, 1);
        end if;
      -- Its holder gives a lease back with an end or a reason; who takes it away says that it crashed, or nothing.
      elsif new.lease_token is null and old.lease_token is not null
        and (new.error ->> 'kind' = 'crashed' or new.status = 'queued' and new.error is null) then
        insert into ledger.tally_log (name, job, n) values ('lease_lost', new.job, 1);
      end if;
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
