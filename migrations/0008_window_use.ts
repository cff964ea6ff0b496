import { type Kysely, sql } from 'kysely'

/**
 * What an upstream says of a window was true when it counted that request. What was under way then, and is not yet
 * answered, comes on top: else each of them may be one too many. And as long as nothing is answered in a window nobody
 * knows what others have used of it, so only `first_sends` go out.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    alter table ledger.quota_windows
      add column said_used int,
      add column under_way timestamptz[] not null default '{}',
      add constraint said_used_is_not_negative check (said_used >= 0)`.execute(db)
  await sql`comment on column ledger.quota_windows.used is 'What our processes have sent in the window that is open'`.execute(
    db,
  )
  await sql`comment on column ledger.quota_windows.said_used is 'The most that the upstream said of this window, others who use the key included; 0: it answered and said nothing; null: no answer so far'`.execute(
    db,
  )
  await sql`comment on column ledger.quota_windows.under_way is 'When each send was counted of which it is not known what came of it'`.execute(
    db,
  )

  // Windows that the clock was set back out of begin anew, with what they have counted.
  await sql`
    create or replace function ledger.take_in_windows(p_service text, p_account text, p_endpoint text, p_windows jsonb)
    returns json language plpgsql as $$
    declare
      lateness constant interval := '2 seconds';
      -- A send whose process died is never answered. No answer takes longer (180 s).
      longest_way constant interval := '200 seconds';
      first_sends constant int := 3;
      first_answer constant interval := '10 seconds';
      look_again constant interval := '50 milliseconds';
      shut text;
      at_hand timestamptz;
      answer json;
    begin
      select reason into shut from ledger.breakers where service = p_service and account = p_account;
      if found then return json_build_object('shut', shut); end if;

      perform from ledger.quota_windows where account = p_account and endpoint = p_endpoint order by name for update;
      if not found then
        insert into ledger.quota_windows (account, endpoint, name)
          select p_account, p_endpoint, w.name from jsonb_to_recordset(p_windows) as w (name text) on conflict do nothing;
        perform from ledger.quota_windows where account = p_account and endpoint = p_endpoint order by name for update;
      end if;
      -- Read under the lock: time spent waiting for it is no time to send in.
      at_hand := clock_timestamp();

      update ledger.quota_windows w set opened_at = at_hand, ends_at = at_hand + length, full_until = least(w.full_until, at_hand + length),
        under_way = '{}'
      from (select name, make_interval(secs => ms / 1000) + lateness as length
        from jsonb_to_recordset(p_windows) as a (name text, ms float8)) l
      where w.account = p_account and w.endpoint = p_endpoint and w.name = l.name and w.opened_at > at_hand;

      -- Of the windows that are full, the one that lasts longest.
      select json_build_object('wait_ms', extract(epoch from f.until - at_hand) * 1000, 'window', f.name, 'limit', f.most) into answer
      from (
        select w.name, l.most, greatest(w.full_until, case when w.ends_at > at_hand then case
          when w.used >= l.most or w.said_used >= l.most then w.ends_at
          -- Full as far as is known: what is under way may be among what was said.
          when w.said_used + o.sends >= l.most or (w.said_used is null and o.sends >= first_sends and w.opened_at > at_hand - first_answer)
            then at_hand + look_again end end) as until
        from ledger.quota_windows w
        join lateral (select least(a.max, coalesce(w.said_limit, a.max, a.fallback)) as most
          from jsonb_to_recordset(p_windows) as a (name text, max int, fallback int) where a.name = w.name) l on true
        cross join lateral (select count(*)::int as sends from unnest(w.under_way) as u (counted_at)
          where u.counted_at > at_hand - longest_way) o
        where w.account = p_account and w.endpoint = p_endpoint
      ) f where f.until > at_hand order by f.until desc limit 1;
      if found then return answer; end if;

      with counted as (
        update ledger.quota_windows w set
          used = case when w.ends_at > at_hand then w.used + 1 else 1 end,
          said_used = case when w.ends_at > at_hand then w.said_used end,
          under_way = array(select u.counted_at from unnest(w.under_way) as u (counted_at)
            where w.ends_at > at_hand and u.counted_at > at_hand - longest_way) || at_hand,
          opened_at = case when w.ends_at > at_hand then w.opened_at else at_hand end,
          ends_at = case when w.ends_at > at_hand then w.ends_at else at_hand + make_interval(secs => l.ms / 1000) + lateness end
        from jsonb_to_recordset(p_windows) as l (name text, ms float8)
        where w.account = p_account and w.endpoint = p_endpoint and w.name = l.name
        returning w.name, w.opened_at
      )
      select json_build_object('counted_at', at_hand, 'granted', json_agg(json_build_object('name', name, 'opened_at', opened_at)))
        into answer from counted;
      return answer;
    end $$`.execute(db)

  await sql`drop function ledger.note_windows(text, text, jsonb)`.execute(db)
  await sql`
    create function ledger.settle_in_windows(p_account text, p_endpoint text, p_counted_at timestamptz, p_said jsonb)
    returns void language sql as $$
      with locked as materialized (
        select name from ledger.quota_windows where account = p_account and endpoint = p_endpoint order by name for update
      )
      update ledger.quota_windows w set
        under_way = array_remove(w.under_way, p_counted_at),
        said_limit = coalesce(s.max, w.said_limit),
        -- What was counted into another window says nothing about this one.
        said_used = case when w.opened_at = s.opened_at then greatest(w.said_used, s.used, 0) else w.said_used end
      from locked left join jsonb_to_recordset(p_said) as s (name text, max int, used int, opened_at timestamptz) on s.name = locked.name
      where w.account = p_account and w.endpoint = p_endpoint and w.name = locked.name
    $$`.execute(db)
}
