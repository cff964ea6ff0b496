import { type Kysely, sql } from 'kysely'

/**
 * What an upstream allows, shared by every process on this database: quota, breaker, and what was used.
 *
 * The quota is a set of lanes, as many as sends are allowed in a second. A lane carries one send, then
 * rests one second and a margin. So no window of one second holds more sends than there are lanes,
 * however late each of them was. All times are the database's clock_timestamp().
 *
 * Where more than 200 a second are allowed, a lane carries some, one after the other, and rests after the last:
 * as many as leave 200 lanes or a few more. A window of one second then meets one lot of each lane at most.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.quotas (
      account text primary key,
      per_second int not null,
      asked_at timestamptz not null default clock_timestamp(),
      slots bigint not null default 0,
      last_slot_at timestamptz not null default '-infinity',
      warming_until timestamptz not null default '-infinity',
      margin_ms float8,
      widened_at timestamptz,
      widened_slot bigint not null default 0,
      paused_at timestamptz,
      paused_until timestamptz,
      constraint per_second_is_positive check (per_second > 0),
      constraint pause_has_a_begin check ((paused_at is null) = (paused_until is null)),
      constraint margin_was_widened_at check ((margin_ms is null) = (widened_at is null))
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on table ledger.quotas is 'How fast an upstream account may be asked, by all processes together'`.execute(
    db,
  )
  await sql`comment on column ledger.quotas.slots is 'Slots granted so far, each a lane for one lot of sends: the number of the last one'`.execute(
    db,
  )
  await sql`comment on column ledger.quotas.warming_until is 'Until then slots keep a wider margin: the account was not asked for a while'`.execute(
    db,
  )
  await sql`comment on column ledger.quotas.margin_ms is 'Null until a 429; what it became at widened_at, halved each 10 minutes since'`.execute(
    db,
  )
  await sql`comment on column ledger.quotas.paused_until is 'No slot before: set by a 429 or a changed limit; setting it to null together with paused_at ends the pause'`.execute(
    db,
  )

  await sql`
    create table ledger.quota_lanes (
      account text not null references ledger.quotas on delete cascade,
      lane int not null,
      slot bigint not null default 0,
      sent_after timestamptz not null default '-infinity',
      sent_before timestamptz not null default '-infinity',
      primary key (account, lane)
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on table ledger.quota_lanes is 'One lot of sends each, then a second of rest; the last lot was sent between sent_after and sent_before'`.execute(
    db,
  )

  await sql`
    create table ledger.breakers (
      service text not null,
      account text not null,
      reason text not null,
      opened_by text not null,
      opened_at timestamptz not null default clock_timestamp(),
      primary key (service, account)
    )`.execute(db)
  await sql`comment on table ledger.breakers is 'Upstream accounts that shut us out: while the row is there, no process calls them'`.execute(
    db,
  )

  await sql`
    create table ledger.upstream_hours (
      service text not null,
      hour timestamptz not null,
      worker text not null,
      requests bigint not null default 0,
      retries bigint not null default 0,
      rate_limited bigint not null default 0,
      throttled_ms bigint not null default 0,
      bytes bigint not null default 0,
      credits bigint not null default 0,
      primary key (service, hour, worker)
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on table ledger.upstream_hours is 'What each worker asked of each service in each hour; read it through upstream_usage'`.execute(
    db,
  )
  await sql`
    create view ledger.upstream_usage as
    select service, hour, sum(requests)::bigint as requests, sum(retries)::bigint as retries,
      sum(rate_limited)::bigint as rate_limited, sum(throttled_ms)::bigint as throttled_ms,
      sum(bytes)::bigint as bytes, sum(credits)::bigint as credits
    from ledger.upstream_hours group by service, hour`.execute(db)

  await sql`
    create function ledger.quota_margin(q ledger.quotas) returns interval language sql volatile as $$
      select make_interval(secs => greatest(4, coalesce(
        q.margin_ms * 0.5 ^ floor(greatest(0, extract(epoch from clock_timestamp() - q.widened_at)) / 600), 0)) / 1000)
    $$`.execute(db)

  await sql`
    create function ledger.sends_a_lane(per_second int) returns int language sql immutable
      return greatest(1, per_second / 200)`.execute(db)

  await sql`
    create function ledger.open_lanes(p_account text, p_per_second int) returns void language sql as $$
      insert into ledger.quota_lanes (account, lane)
        select p_account, n from generate_series(1, p_per_second / ledger.sends_a_lane(p_per_second)) n
        on conflict do nothing
    $$`.execute(db)

  await sql`
    create function ledger.report_slots(p_account text, p_slots bigint[], p_late_ms float8[])
    returns void language plpgsql as $$
    begin
      -- A report only sets a lane free sooner: one that a crash loses costs time, not the limit.
      perform set_config('synchronous_commit', 'off', true);
      perform from ledger.quotas where account = p_account for update;
      perform ledger.settle_slots(p_account, p_slots, p_late_ms);
    end $$`.execute(db)

  await sql`
    create function ledger.settle_slots(p_account text, p_slots bigint[], p_late_ms float8[])
    returns void language sql as $$
      update ledger.quota_lanes l set
        sent_after = coalesce(l.sent_after + make_interval(secs => r.late_ms / 1000), '-infinity'),
        sent_before = coalesce(l.sent_after + make_interval(secs => r.late_ms / 1000), '-infinity')
      from unnest(p_slots, p_late_ms) as r (slot, late_ms)
      where l.account = p_account and l.slot = r.slot
    $$`.execute(db)

  await sql`
    create function ledger.take_slots(
      p_service text, p_account text, p_per_second int, p_wanted int, p_slots bigint[], p_late_ms float8[]
    ) returns json language plpgsql as $$
    declare
      horizon constant interval := '100 milliseconds'; -- how far ahead slots are handed out
      usable constant interval := '250 milliseconds';  -- how late a slot may be used
      warming constant interval := '1100 milliseconds'; -- the first use of each lane
      warm_margin constant interval := '30 milliseconds';
      shut text;
      q ledger.quotas;
      l ledger.quota_lanes;
      at_hand timestamptz;
      sends int;
      rest interval;
      spacing interval;
      not_before timestamptz;
      next_at timestamptz;
      granted json[] := '{}';
    begin
      select reason into shut from ledger.breakers where service = p_service and account = p_account;
      if found then return json_build_object('shut', shut); end if;

      select * into q from ledger.quotas where account = p_account for update;
      if not found then
        insert into ledger.quotas (account, per_second) values (p_account, p_per_second) on conflict do nothing;
        select * into q from ledger.quotas where account = p_account for update;
        perform ledger.open_lanes(p_account, q.per_second);
      end if;
      perform ledger.settle_slots(p_account, p_slots, p_late_ms);
      -- Read under the lock: time spent waiting for it is no time to send in.
      at_hand := clock_timestamp();
      rest := interval '1 second' + ledger.quota_margin(q);

      -- Who was not asked for a while answers the first requests slowly and may stamp them late: the lanes they
      -- took rest a little longer, once, or the next in them would seem too early there.
      if q.last_slot_at < at_hand - interval '2 seconds' then q.warming_until := at_hand + warming; end if;
      if at_hand < q.warming_until then rest := rest + warm_margin; end if;

      -- What begins in the future was written before the clock was set back.
      if q.paused_at > at_hand then q.paused_until := null; end if;

      -- Processes that disagree about the limit get the smaller one: a greater one is taken over when nobody
      -- has asked for less in 10 s. New lanes know nothing of the sends before, so all those must be past.
      if p_per_second < q.per_second
        or (p_per_second > q.per_second and q.asked_at not between at_hand - interval '10 seconds' and at_hand)
        or q.last_slot_at > at_hand + horizon then
        delete from ledger.quota_lanes where account = p_account;
        perform ledger.open_lanes(p_account, p_per_second);
        q.per_second := p_per_second;
        q.asked_at := at_hand;
        q.last_slot_at := at_hand;
        q.paused_at := at_hand;
        q.paused_until := greatest(q.paused_until, at_hand + horizon + usable + rest);
        update ledger.quotas set per_second = q.per_second, asked_at = q.asked_at, last_slot_at = q.last_slot_at,
          paused_at = q.paused_at, paused_until = q.paused_until where account = p_account;
      end if;
      if p_per_second <= q.per_second then q.asked_at := at_hand; end if;

      if q.paused_until > at_hand then
        return json_build_object('paused_ms', extract(epoch from q.paused_until - at_hand) * 1000);
      end if;

      -- Slots keep this distance, so that a cold start does not send a second's worth at once: what jitters
      -- on its way would then arrive as too many.
      sends := ledger.sends_a_lane(q.per_second);
      spacing := make_interval(secs => 0.9 * sends / q.per_second);
      for l in
        select * from ledger.quota_lanes where account = p_account order by sent_before, lane
          limit ceil(p_wanted::numeric / sends)
      loop
        not_before := greatest(at_hand, l.sent_before + rest, q.last_slot_at + spacing);
        exit when not_before > at_hand + horizon;
        q.slots := q.slots + 1;
        q.last_slot_at := not_before;
        -- Whoever takes the slot may die with it: until reported, it counts as used at its last moment.
        update ledger.quota_lanes set slot = q.slots, sent_after = not_before, sent_before = not_before + usable
          where account = p_account and lane = l.lane;
        granted := granted || json_build_object(
          'slot', q.slots, 'due_ms', extract(epoch from not_before) * 1000);
      end loop;
      update ledger.quotas set slots = q.slots, last_slot_at = q.last_slot_at, asked_at = q.asked_at,
        warming_until = q.warming_until
        where account = p_account;

      -- When to ask again: slots out are taken to be used in time, else their early reports would be missed.
      select greatest(min(sent_after) + rest, q.last_slot_at + spacing) into next_at
        from ledger.quota_lanes where account = p_account;
      return json_build_object(
        'granted', array_to_json(granted),
        'sends', sends,
        'at_ms', extract(epoch from at_hand) * 1000,
        'again_ms', greatest(0, extract(epoch from greatest(next_at, at_hand) - horizon - at_hand) * 1000),
        'usable_ms', extract(epoch from usable) * 1000);
    end $$`.execute(db)

  await sql`
    create function ledger.rest_quota(p_account text, p_slot bigint, p_rest_ms float8)
    returns float8 language plpgsql as $$
    declare
      q ledger.quotas;
      at_hand timestamptz;
    begin
      select * into q from ledger.quotas where account = p_account for update;
      at_hand := clock_timestamp();
      -- What was sent before the margin was widened says nothing about the wider one.
      if p_slot > q.widened_slot then
        q.margin_ms := least(500, greatest(24, 2000 * extract(epoch from ledger.quota_margin(q))));
        q.widened_at := at_hand;
        q.widened_slot := q.slots;
      end if;
      q.paused_until := greatest(
        case when q.paused_at <= at_hand then q.paused_until end,
        at_hand + make_interval(secs => p_rest_ms / 1000));
      update ledger.quotas set margin_ms = q.margin_ms, widened_at = q.widened_at, widened_slot = q.widened_slot,
        paused_at = at_hand, paused_until = q.paused_until where account = p_account;
      return q.margin_ms;
    end $$`.execute(db)
}
