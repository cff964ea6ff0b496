import { type Kysely, sql } from 'kysely'

/**
 * Photos, videos and texts that other services analyse. A task is one content, whatever it stands in; a batch is what was handed over
 * in one request, and is polled as one.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await tasks(db)
  await batches(db)
  await grid(db)
  await results(db)
  await runsView(db)
}

async function comment(db: Kysely<unknown>, what: string, text: string): Promise<void> {
  await sql`comment on ${sql.raw(what)} is ${sql.lit(text)}`.execute(db)
}

async function tasks(db: Kysely<unknown>): Promise<void> {
  // A task is known by its content, and what is polled is the batch that it went out with.
  await sql`
    alter table ledger.analysis_tasks
      drop constraint analysis_tasks_pkey,
      drop constraint analysis_tasks_service_content_key_key,
      drop column id, drop column remote_id, drop column idempotency_key, drop column in_doubt, drop column next_poll_at,
      drop column deadline_at,
      add primary key (content_key, service),
      add column kind text not null,
      add column root_call_id uuid not null,
      add column batch_id uuid,
      add column due_at timestamptz not null default clock_timestamp(),
      add column fresh_address text,
      add column reads_again int not null default 0,
      alter column request drop not null,
      add constraint kind_is_of_its_service check (service = case when kind = 'text' then 'text-ml' when kind in ('image', 'video') then 'vision' end),
      add constraint fresh_address_is_known check (fresh_address in ('wanted', 'given')),
      add constraint submitted_in_a_batch check (status <> 'submitted' or batch_id is not null),
      add constraint ended_badly_with_an_error check (status not in ('failed', 'expired', 'skipped') or error is not null)`.execute(
    db,
  )
  await sql`alter table ledger.analysis_tasks rename column request to content`.execute(db)
  await sql`drop index ledger.analysis_tasks_open`.execute(db)
  await sql`create index analysis_tasks_open on ledger.analysis_tasks (root_call_id, job_call_id) where finished_at is null`.execute(
    db,
  )
  await sql`create index analysis_tasks_waiting on ledger.analysis_tasks (kind, due_at)
    where status = 'waiting' and batch_id is null and fresh_address is distinct from 'wanted'`.execute(
    db,
  )
  await sql`create index analysis_tasks_of_batch on ledger.analysis_tasks (batch_id) where batch_id is not null and finished_at is null`.execute(
    db,
  )
  await sql`create index analysis_tasks_to_read_again on ledger.analysis_tasks (due_at) where fresh_address = 'wanted' and finished_at is null`.execute(
    db,
  )
  await sql`create index analysis_tasks_cancelled on ledger.analysis_tasks (root_call_id, job_call_id) where status = 'cancelled'`.execute(
    db,
  )
  await sql`create index analysis_tasks_skipped on ledger.analysis_tasks (kind) where status = 'skipped'`.execute(
    db,
  )
  // What is out, for who counts it: the rest is history, and much more.
  await sql`create index analysis_tasks_open_of_service on ledger.analysis_tasks (service, created_at) where finished_at is null`.execute(
    db,
  )
  const columns = {
    content_key:
      'Of a text its hash (public.text_key), of a medium source and id: instagram/300000000000000017. The item id in requests, too',
    content: 'What is sent; nothing once it was analysed',
    job_call_id: 'The call whose page brought it first',
    service_call_id: 'The stream that brought it first',
    attempt: 'How often it was handed to the service',
    due_at: 'When it may be handed over (again)',
    fresh_address:
      'wanted: the service could not fetch the medium, which is to be read again; given: it was, once',
    reads_again: 'How often its post was read again for a fresh address',
    submitted_at: 'When the service last took it',
  }
  for (const [name, text] of Object.entries(columns))
    await comment(db, `column ledger.analysis_tasks.${name}`, text)
}

async function batches(db: Kysely<unknown>): Promise<void> {
  await sql`
    create table ledger.analysis_batches (
      id uuid primary key,
      service text not null,
      kind text not null,
      status text not null default 'sending',
      items int not null,
      body text,
      remote_id text,
      sends int not null default 0,
      in_doubt boolean not null default false,
      polls int not null default 0,
      last_status text,
      poll_every_s double precision not null default 1.875,
      due_at timestamptz not null default clock_timestamp(),
      deadline_at timestamptz,
      held_by uuid,
      holder_call_id uuid,
      error jsonb,
      created_at timestamptz not null default clock_timestamp(),
      accepted_at timestamptz,
      finished_at timestamptz,
      constraint service_is_known check (service in ('vision', 'text-ml')),
      constraint kind_is_known check (kind in ('image', 'video', 'text')),
      constraint status_is_known check (status in ('sending', 'out', 'done', 'refused', 'expired', 'lost', 'cancelled')),
      constraint finished_exactly_when_over check ((finished_at is not null) = (status not in ('sending', 'out'))),
      constraint out_under_a_name check (status <> 'out' or remote_id is not null),
      constraint sent_with_a_body check (status <> 'sending' or body is not null),
      constraint held_by_a_call check ((held_by is null) = (holder_call_id is null))
    )`.execute(db)
  await sql`create index analysis_batches_due on ledger.analysis_batches (service, due_at) where finished_at is null`.execute(
    db,
  )
  await sql`create index analysis_batches_finished on ledger.analysis_batches (finished_at) where finished_at is not null`.execute(
    db,
  )
  await comment(
    db,
    'table ledger.analysis_batches',
    'What was handed to a service in one request. Written before it is sent; its id is the Idempotency-Key',
  )
  const columns = {
    body: 'The request to the letter, until it was taken: the same key must come with the same body',
    remote_id: 'What the service calls it',
    in_doubt: 'It was sent again after an answer was lost, to a service that may have taken both',
    last_status: 'The word of the service at the last poll',
    due_at: 'When it is sent again, or polled next',
    held_by:
      'The lease of the call that sends or polls it: free again as soon as that lease is over',
  }
  for (const [name, text] of Object.entries(columns))
    await comment(db, `column ledger.analysis_batches.${name}`, text)
}

/**
 * Polls stand on a grid that is the same for all batches of a length, each twice as fine as the next: what is polled at about
 * the same time is polled in the same request. Where the grid begins is drawn here, so that installations that share a service do not
 * ask in step.
 */
async function grid(db: Kysely<unknown>): Promise<void> {
  const phase = sql.lit((Math.random() * 60).toFixed(3))
  await sql`
    create function ledger.next_poll(every_s double precision, wait_s double precision) returns timestamptz language sql volatile as $$
      select to_timestamp(ceil((extract(epoch from clock_timestamp()) - ${phase}::float8 + greatest(wait_s, g.s / 2)) / g.s) * g.s + ${phase}::float8)
      from (select least(60, 1.875 * 2 ^ greatest(0, floor(log(every_s / 1.875) / log(2::float8) + 1e-9),
        ceil(log(greatest(wait_s, 1.875) / 1.875) / log(2::float8) - 1e-9))) as s) g
    $$`.execute(db)
  await comment(
    db,
    'function ledger.next_poll(double precision, double precision)',
    'The next time to poll what is polled every so many seconds (1.875 to 60), not before so many have passed',
  )
}

async function results(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function public.text_key(content text) returns text language sql stable strict parallel safe
    return encode(sha256(convert_to(content, 'UTF8')), 'hex')`.execute(db)
  await comment(
    db,
    'function public.text_key(text)',
    'What public.text_analysis knows a text by: the same text, wherever it stands, was analysed once',
  )
  await sql`
    create function public.media_key(source text, medium text, post text, place int) returns text language sql immutable parallel safe
    return source || '/' || coalesce(medium, post || '/' || place)`.execute(db)
  await comment(
    db,
    'function public.media_key(text, text, text, int)',
    'What public.media_analysis knows a row of post_media by: its id, or its place in the post where it has none',
  )
  await sql`
    create table public.media_analysis (
      media_key text primary key,
      labels jsonb,
      faces jsonb,
      texts jsonb,
      description text,
      model text,
      analysed_at timestamptz not null,
      service_call_id uuid not null
    )`.execute(db)
  await sql`
    create table public.text_analysis (
      text_key text primary key,
      language text,
      language_confidence double precision,
      sentiment text,
      sentiment_score double precision,
      sentiment_scores jsonb,
      mentions jsonb,
      model text,
      analysed_at timestamptz not null,
      service_call_id uuid not null,
      constraint sentiment_score_is_between check (sentiment_score between -1 and 1)
    )`.execute(db)
  const columns = {
    'media_analysis.labels':
      'What is seen: [{name, confidence, parents, boxes}]; null: the service does not tell, []: it saw none',
    'media_analysis.faces':
      '[{box, confidence, age_range, emotions}]; boxes as ratios from top left',
    'media_analysis.texts': 'Text in the picture: [{text, level, confidence, language, box}]',
    'media_analysis.description': 'In words, from models that describe',
    'text_analysis.sentiment_score': 'From -1 to 1',
    'text_analysis.mentions':
      '[{type, text, normalized, offset, length, offset_unit, confidence, sentiment}]',
  }
  for (const [name, text] of Object.entries(columns))
    await comment(db, `column public.${name}`, text)
}

/** As before, but for `analysis_open`: that of a root counts what is out for all calls under it. */
async function runsView(db: Kysely<unknown>): Promise<void> {
  await sql`
    create or replace view ledger.runs as
    select c.id, c.job, c.trigger, c.scheduled_for, c.parent_id, c.root_id, c.subject, c.params, c.status,
      c.attempt, c.failures, c.next_attempt_at, c.worker, c.progress, c.result, c.error,
      c.cancel_requested_at, c.cancel_requested_by, c.queued_at, c.started_at, c.finished_at,
      coalesce(c.finished_at, clock_timestamp()) - c.started_at as duration,
      s.streams, s.streams_open, s.streams_failed, s.streams_skipped,
      s.pages, s.requests, s.retries, s.rows_read, s.rows_inserted, s.rows_updated, s.rows_unchanged, s.rows_rejected,
      s.throttled_ms, s.bytes, s.credits, s.credits_in_doubt,
      k.children, k.children_open, k.children_failed,
      (select count(*) from ledger.analysis_tasks t
        where t.root_call_id = c.root_id and (c.parent_id is null or t.job_call_id = c.id) and t.finished_at is null) as analysis_open
    from ledger.job_calls c
    cross join lateral (
      select count(*) as streams,
        count(*) filter (where status = 'open') as streams_open,
        count(*) filter (where status = 'failed') as streams_failed,
        count(*) filter (where status = 'skipped') as streams_skipped,
        coalesce(sum(pages), 0)::bigint as pages, coalesce(sum(requests), 0)::bigint as requests, coalesce(sum(retries), 0)::bigint as retries,
        coalesce(sum(rows_read), 0)::bigint as rows_read, coalesce(sum(rows_inserted), 0)::bigint as rows_inserted,
        coalesce(sum(rows_updated), 0)::bigint as rows_updated, coalesce(sum(rows_unchanged), 0)::bigint as rows_unchanged,
        coalesce(sum(rows_rejected), 0)::bigint as rows_rejected, coalesce(sum(throttled_ms), 0)::bigint as throttled_ms,
        coalesce(sum(bytes), 0)::bigint as bytes, coalesce(sum(credits), 0)::bigint as credits,
        coalesce(sum(credits_in_doubt), 0)::bigint as credits_in_doubt
      from ledger.service_calls where job_call_id = c.id
    ) s
    cross join lateral (
      select count(*) as children,
        count(*) filter (where finished_at is null) as children_open,
        count(*) filter (where status = 'failed') as children_failed
      from ledger.job_calls where parent_id = c.id
    ) k
    union all
    select null, t.job, 'cron', t.scheduled_for, null, null, '', '{}', 'queued',
      0, 0, null, null, null, null, null, null, null, t.queued_at, null, null, null,
      0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0
    from ledger.ticks t where t.job_call_id is null and t.skipped_reason is null`.execute(db)
}
