import { sql } from 'kysely'
import type { Db } from './connect.ts'

/** What the ledger says for /metrics. Labels are few by nature: jobs, services, statuses; never a subject. */
export interface LedgerMetrics {
  /** Where the buckets of times end, in seconds. */
  bounds: number[]
  /** Counted since ever; `bucket` is the first bound that was not reached; -1: there was no time. */
  tallies: {
    name: string
    job: string
    service: string
    label: string
    bucket: number
    n: number
    seconds: number
  }[]
  upstreams: {
    service: string
    requests: number
    retries: number
    rateLimited: number
    throttledSeconds: number
    bytes: number
    credits: number
  }[]
  live: {
    job: string
    status: string
    calls: number
    due: number
    oldestDueSeconds: number | null
  }[]
  successes: { job: string; ageSeconds: number }[]
  incidents: { job: string; kind: string; open: number }[]
  checks: { job: string; name: string; holds: number }[]
  rest: {
    ticksWaiting: number
    stuck: number
    postsNotSent: number
    workers: { role: string; alive: number }[]
    blocked: string[]
    analysis: { service: string; open: number }[]
  }
}

/** Each list of one moment, whichever process asks; one after the other: a scrape takes one connection from the runs. */
export async function readLedgerMetrics(db: Db): Promise<LedgerMetrics> {
  return {
    ...(await readTallies(db)),
    upstreams: await readUpstreams(db),
    live: await readLive(db),
    successes: await readSuccesses(db),
    incidents: await readIncidents(db),
    checks: await readChecks(db),
    rest: await readRest(db),
  }
}

/** In one statement, so that what is folded or ends meanwhile counts once. */
async function readTallies(db: Db): Promise<Pick<LedgerMetrics, 'bounds' | 'tallies'>> {
  const { rows } = await sql<Pick<LedgerMetrics, 'bounds' | 'tallies'>>`
    with counted as (
      select name, job, service, label, bucket, n, seconds from ledger.tallies
      union all select name, job, service, label, bucket, n, seconds from ledger.tally_log
      union all
      -- Calls that were never tried, by the hundred thousand perhaps, have no streams.
      select s.name, c.job, s.service, s.label, 0, s.n, 0
      from ledger.job_calls c join ledger.stream_tallies s on s.job_call_id = c.id
      where c.finished_at is null and c.attempt > 0
    ), summed as (
      select name, job, service, label, bucket, sum(n)::bigint as n, sum(seconds) as seconds from counted
      group by name, job, service, label, bucket
    )
    select ledger.tally_bounds() as bounds, coalesce((select jsonb_agg(s order by name, job, service, label, bucket) from summed s), '[]') as tallies`.execute(
    db,
  )
  return rows[0] ?? { bounds: [], tallies: [] }
}

async function readUpstreams(db: Db): Promise<LedgerMetrics['upstreams']> {
  const { rows } = await sql<LedgerMetrics['upstreams'][number]>`
    with counted as (
      select service, requests, retries, rate_limited, throttled_ms, bytes, credits from ledger.upstream_hours
      union all
      -- Of hours that are no longer kept.
      select service, ${sql.join(
        ['requests', 'retries', 'rate_limited', 'throttled_ms', 'bytes', 'credits'].map(
          (name) => sql`case name when ${sql.lit(`upstream_${name}`)} then n else 0 end`,
        ),
      )}
      from ledger.tallies where name like 'upstream\\_%'
    )
    select service, sum(requests)::bigint as requests, sum(retries)::bigint as retries,
      sum(rate_limited)::bigint as "rateLimited", sum(throttled_ms)::float8 / 1000 as "throttledSeconds",
      sum(bytes)::bigint as bytes, sum(credits)::bigint as credits
    from counted group by service`.execute(db)
  return rows
}

async function readLive(db: Db): Promise<LedgerMetrics['live']> {
  const { rows } = await sql<LedgerMetrics['live'][number]>`
    select job, status, count(*) as calls, count(*) filter (where is_due) as due,
      (extract(epoch from max(clock_timestamp() - due_at) filter (where is_due)))::float8 as "oldestDueSeconds"
    from (
      select job, status, coalesce(next_attempt_at, queued_at) as due_at,
        status = 'queued' and coalesce(next_attempt_at, queued_at) <= clock_timestamp() as is_due
      from ledger.job_calls where finished_at is null
    ) live
    group by job, status`.execute(db)
  return rows
}

async function readSuccesses(db: Db): Promise<LedgerMetrics['successes']> {
  const { rows } = await sql<LedgerMetrics['successes'][number]>`
    select job, extract(epoch from age)::float8 as "ageSeconds" from ledger.job_states where age is not null`.execute(
    db,
  )
  return rows
}

async function readIncidents(db: Db): Promise<LedgerMetrics['incidents']> {
  const { rows } = await sql<LedgerMetrics['incidents'][number]>`
    select job, kind, count(*) as open from ledger.incidents where closed_at is null group by job, kind`.execute(
    db,
  )
  return rows
}

async function readChecks(db: Db): Promise<LedgerMetrics['checks']> {
  const { rows } = await sql<LedgerMetrics['checks'][number]>`
    select job, name, (status = 'passed')::int as holds from ledger.check_states where status <> 'unknown'`.execute(
    db,
  )
  return rows
}

async function readRest(db: Db): Promise<LedgerMetrics['rest']> {
  const { rows } = await sql<LedgerMetrics['rest']>`
    select
      (select count(*) from ledger.ticks where job_call_id is null and skipped_reason is null) as "ticksWaiting",
      (select count(*) from ledger.stuck) as stuck,
      (select count(*) from ledger.incident_posts where sent_at is null and tries > 0 and queued_at > clock_timestamp() - interval '1 day')
        as "postsNotSent",
      (select coalesce(jsonb_agg(w), '[]') from (
        select r.role, count(*) filter (where r.role = any(w.roles)) as alive
        from (values ('scheduler'), ('worker')) as r (role)
        left join ledger.workers w on w.stopped_at is null and w.heartbeat_at > clock_timestamp() - interval '2 minutes'
        group by r.role order by r.role
      ) w) as workers,
      array(select distinct service from ledger.breakers order by service) as blocked,
      (select coalesce(jsonb_agg(a), '[]') from (
        select service, count(*) as open from ledger.analysis_tasks where finished_at is null group by service
      ) a) as analysis`.execute(db)
  const [row] = rows
  if (!row) throw new Error('no metrics')
  return row
}

/** Adds what was noted of job calls to the totals. */
export async function foldTallies(db: Db): Promise<void> {
  await sql`select ledger.fold_tallies()`.execute(db)
}
