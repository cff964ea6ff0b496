import { type Kysely, sql } from 'kysely'

/** What Apollo needs: a quota in fixed windows, credits of the month, the leads, and schedules that have parameters. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await quotaWindows(db)
  await credits(db)
  await leads(db)
  await scheduledParams(db)
}

/**
 * Fixed windows, as the upstream keeps them: opened by the first call after the last one ended, each for one endpoint.
 * All times are the database's clock_timestamp(). The upstream opens its window when the request arrives, which is after
 * it was counted here: a window here ends two seconds later than it would by its length, a slot may be used for one.
 */
async function quotaWindows(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.quota_windows (
      account text not null,
      endpoint text not null,
      name text not null,
      said_limit int,
      used int not null default 0,
      opened_at timestamptz not null default '-infinity',
      ends_at timestamptz not null default '-infinity',
      full_until timestamptz not null default '-infinity',
      primary key (account, endpoint, name),
      constraint name_is_known check (name in ('minute', 'hour', 'day')),
      constraint used_is_not_negative check (used >= 0),
      constraint said_limit_is_not_negative check (said_limit >= 0)
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on table ledger.quota_windows is 'Upstreams that count by minute, hour and day: what all processes together have sent in the window that is open'`.execute(
    db,
  )
  await sql`comment on column ledger.quota_windows.said_limit is 'What the upstream last said; null: nothing so far'`.execute(
    db,
  )
  await sql`comment on column ledger.quota_windows.full_until is 'A 429 named this window, or asked for a wait: nothing is sent before. Setting it to -infinity ends that'`.execute(
    db,
  )

  // Windows that the clock was set back out of begin anew, with what they have counted.
  await sql`
    create function ledger.take_in_windows(p_service text, p_account text, p_endpoint text, p_windows jsonb)
    returns json language plpgsql as $$
    declare
      lateness constant interval := '2 seconds';
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

      update ledger.quota_windows w set opened_at = at_hand, ends_at = at_hand + length, full_until = least(w.full_until, at_hand + length)
      from (select name, make_interval(secs => ms / 1000) + lateness as length
        from jsonb_to_recordset(p_windows) as a (name text, ms float8)) l
      where w.account = p_account and w.endpoint = p_endpoint and w.name = l.name and w.opened_at > at_hand;

      -- Of the windows that are full, the one that lasts longest.
      select json_build_object('wait_ms', extract(epoch from f.until - at_hand) * 1000, 'window', f.name, 'limit', f.most) into answer
      from (
        select w.name, l.most, greatest(w.full_until, case when w.used >= l.most and w.ends_at > at_hand then w.ends_at end) as until
        from ledger.quota_windows w
        join lateral (select least(a.max, coalesce(w.said_limit, a.max, a.fallback)) as most
          from jsonb_to_recordset(p_windows) as a (name text, max int, fallback int) where a.name = w.name) l on true
        where w.account = p_account and w.endpoint = p_endpoint
      ) f where f.until > at_hand order by f.until desc limit 1;
      if found then return answer; end if;

      with counted as (
        update ledger.quota_windows w set
          used = case when w.ends_at > at_hand then w.used + 1 else 1 end,
          opened_at = case when w.ends_at > at_hand then w.opened_at else at_hand end,
          ends_at = case when w.ends_at > at_hand then w.ends_at else at_hand + make_interval(secs => l.ms / 1000) + lateness end
        from jsonb_to_recordset(p_windows) as l (name text, ms float8)
        where w.account = p_account and w.endpoint = p_endpoint and w.name = l.name
        returning w.name, w.used, w.opened_at, w.said_limit
      )
      select json_build_object('granted', json_agg(json_build_object(
        'name', name, 'used', used, 'opened_at', opened_at, 'said_limit', said_limit))) into answer from counted;
      return answer;
    end $$`.execute(db)

  await sql`
    create function ledger.note_windows(p_account text, p_endpoint text, p_said jsonb) returns void language sql as $$
      with locked as materialized (
        select name from ledger.quota_windows where account = p_account and endpoint = p_endpoint order by name for update
      )
      update ledger.quota_windows w set
        said_limit = coalesce(s.max, w.said_limit),
        -- Others may use the same key. What was counted into another window says nothing about this one.
        used = case when w.opened_at = s.opened_at then greatest(w.used, s.used) else w.used end
      from jsonb_to_recordset(p_said) as s (name text, max int, used int, opened_at timestamptz), locked
      where w.account = p_account and w.endpoint = p_endpoint and w.name = s.name and locked.name = w.name
    $$`.execute(db)

  await sql`
    create function ledger.rest_in_window(p_account text, p_endpoint text, p_name text, p_rest_ms float8)
    returns float8 language plpgsql as $$
    declare
      rest_ms float8;
    begin
      update ledger.quota_windows set full_until = greatest(full_until, case
        when p_rest_ms is not null then clock_timestamp() + make_interval(secs => p_rest_ms / 1000)
        -- Its window may have opened before ours and end sooner, never much later.
        else greatest(ends_at, clock_timestamp() + interval '1 second') end)
      where account = p_account and endpoint = p_endpoint and name = p_name
      returning extract(epoch from full_until - clock_timestamp()) * 1000 into rest_ms;
      return rest_ms;
    end $$`.execute(db)
}

async function credits(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.credit_months (
      service text not null,
      account text not null,
      month date not null,
      budget bigint,
      spent bigint not null default 0,
      in_doubt bigint not null default 0,
      primary key (service, account, month),
      constraint nothing_is_negative check (budget >= 0 and spent >= 0 and in_doubt >= 0)
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on table ledger.credit_months is 'What each account has spent in each calendar month (UTC), over all processes'`.execute(
    db,
  )
  await sql`comment on column ledger.credit_months.budget is 'What the setting said when it was last asked; null: no limit'`.execute(
    db,
  )
  await sql`comment on column ledger.credit_months.in_doubt is 'Requests under way, and those whose answer was lost: they may have been charged, and count against the budget'`.execute(
    db,
  )
}

async function leads(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table public.leads (
      source text not null,
      external_id text not null,
      first_name text,
      last_name text,
      last_name_masked text,
      title text,
      headline text,
      seniority text,
      email text,
      email_status text,
      linkedin_url text,
      city text,
      state text,
      country text,
      organization_external_id text,
      organization_name text,
      organization_domain text,
      organization_linkedin_url text,
      organization_industry text,
      organization_employees int,
      has_email boolean,
      has_direct_phone text,
      refreshed_at timestamptz,
      enriched_at timestamptz,
      service_call_id uuid not null,
      primary key (source, external_id)
    )`.execute(db)
  await sql`comment on column public.leads.last_name_masked is 'All that the search tells of it'`.execute(
    db,
  )
  await sql`comment on column public.leads.enriched_at is 'When enrichment last told something new; null: known from the search alone'`.execute(
    db,
  )
  await sql`create index leads_linkedin_url on public.leads (linkedin_url)`.execute(db)

  await sql`
    create table public.leadgen_leads (
      job_call_id uuid not null,
      position int not null,
      source text not null,
      external_id text not null,
      step text not null,
      enrichment text not null default 'open',
      primary key (job_call_id, position),
      unique (job_call_id, source, external_id),
      constraint step_is_known check (step in ('strict', 'medium', 'loose')),
      constraint enrichment_is_known check (enrichment in ('open', 'not needed', 'matched', 'missed'))
    )`.execute(db)
  await sql`comment on table public.leadgen_leads is 'Which leads a leadgen found, in order, and by which step'`.execute(
    db,
  )
  await sql`comment on column public.leadgen_leads.enrichment is 'open: not asked for (yet); not needed: the search told the address'`.execute(
    db,
  )

  await sql`
    create table ledger.leadgens (
      job_call_id uuid primary key,
      ran_ms bigint not null default 0,
      ended_by text,
      constraint ended_by_is_known check (ended_by in ('target', 'exhausted', 'max_runtime', 'max_credits', 'quota'))
    ) with (fillfactor = 50)`.execute(db)
  await sql`comment on column ledger.leadgens.ran_ms is 'How long it has been searching, over attempts'`.execute(
    db,
  )
}

/** A job that can't run without parameters runs by schedule with these. */
async function scheduledParams(db: Kysely<unknown>): Promise<void> {
  await sql`alter table ledger.schedules add column params jsonb not null default '{}'`.execute(db)
  await sql`comment on column ledger.schedules.params is 'What its calls are run with; set by an operator'`.execute(
    db,
  )
}
