import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import type { LedgerMetrics } from '../db/metrics.ts'

const finalStatuses = ['succeeded', 'failed', 'cancelled']

/**
 * What the ledger says, as metrics: made anew for each scrape, so that any process answers the same.
 * @param jobs counted from zero before anything happened to them: a counter that begins at one hides its first step
 */
export function ledgerMetrics(ledger: LedgerMetrics, jobs: readonly string[]): Registry {
  const registry = new Registry()
  const counter = (name: string, help: string, labelNames: string[]) =>
    new Counter({ name: `nightledger_${name}`, help, labelNames, registers: [registry] })
  const gauge = (name: string, help: string, labelNames: string[] = []) =>
    new Gauge({ name: `nightledger_${name}`, help, labelNames, registers: [registry] })
  const tallied = (name: string) => ledger.tallies.filter((one) => one.name === name)

  const ended = counter('job_calls_total', 'Job calls that ended', ['job', 'status'])
  const lost = counter('leases_lost_total', 'Leases taken from workers that fell silent', ['job'])
  const taken = counter('takeovers_total', 'Calls that went on in another worker after that', [
    'job',
  ])
  for (const job of jobs) {
    for (const status of finalStatuses) ended.inc({ job, status }, 0)
    lost.inc({ job }, 0)
    taken.inc({ job }, 0)
  }
  for (const { job, label: status, n } of tallied('ended')) ended.inc({ job, status }, n)
  for (const { job, n } of tallied('lease_lost')) lost.inc({ job }, n)
  for (const { job, n } of tallied('taken_over')) taken.inc({ job }, n)
  times(registry, ledger, 'ended', 'job_call_duration_seconds', 'From its start to its end')
  times(registry, ledger, 'waited', 'queue_wait_seconds', 'From the queue to the first attempt')

  const rows = counter('rows_total', 'Records read, by what became of them', [
    'job',
    'service',
    'outcome',
  ])
  for (const { job, service, label: outcome, n } of tallied('rows'))
    rows.inc({ job, service, outcome }, n)
  const pages = counter('pages_total', 'Pages written', ['job', 'service'])
  for (const { job, service, n } of tallied('pages')) pages.inc({ job, service }, n)
  upstreams(ledger, counter)

  const live = gauge('job_calls_live', 'Job calls that have not ended', ['job', 'status'])
  const due = gauge('queue_due', 'Job calls that wait for a worker', ['job'])
  const oldest = gauge('queue_oldest_due_seconds', 'How long the first of them has waited', ['job'])
  for (const job of jobs) due.set({ job }, 0)
  for (const one of ledger.live) {
    live.set({ job: one.job, status: one.status }, one.calls)
    if (one.status === 'queued') due.set({ job: one.job }, one.due)
    if (one.oldestDueSeconds !== null) oldest.set({ job: one.job }, one.oldestDueSeconds)
  }
  states(ledger, gauge)
  return registry
}

type Make<M> = (name: string, help: string, labelNames: string[]) => M

function upstreams({ upstreams: used }: LedgerMetrics, counter: Make<Counter>): void {
  const kinds = {
    requests: counter('upstream_requests_total', 'Requests sent', ['service']),
    retries: counter('upstream_retries_total', 'Requests sent again', ['service']),
    rateLimited: counter('upstream_rate_limited_total', 'Answers 429', ['service']),
    throttledSeconds: counter('upstream_throttled_seconds_total', 'Waited for the quota', [
      'service',
    ]),
    bytes: counter('upstream_bytes_total', 'Bytes of answers', ['service']),
    credits: counter('upstream_credits_total', 'Credits spent', ['service']),
  }
  for (const { service, ...counts } of used) {
    for (const [kind, metric] of Object.entries(kinds))
      metric.inc({ service }, counts[kind as keyof typeof kinds])
  }
}

function states({ successes, incidents, checks, rest }: LedgerMetrics, gauge: Make<Gauge>): void {
  const age = gauge('job_last_success_age_seconds', 'Since its last success', ['job'])
  for (const { job, ageSeconds } of successes) age.set({ job }, ageSeconds)
  const open = gauge('incidents_open', 'Incidents that are not over', ['job', 'kind'])
  for (const { job, kind, open: count } of incidents) open.set({ job, kind }, count)
  const holds = gauge('check_holds', '1: the check held after the last call; 0: it did not', [
    'job',
    'check',
  ])
  for (const { job, name, holds: value } of checks) holds.set({ job, check: name }, value)
  const alive = gauge('processes_alive', 'Processes that gave a sign of life', ['role'])
  for (const { role, alive: count } of rest.workers) alive.set({ role }, count)
  const blocked = gauge('upstream_blocked', '1: the service shut us out', ['service'])
  for (const service of rest.blocked) blocked.set({ service }, 1)
  const analysis = gauge('analysis_tasks_open', 'Analyses that are out', ['service'])
  for (const { service, open: count } of rest.analysis) analysis.set({ service }, count)
  gauge('ticks_waiting', 'Ticks that wait for a worker', []).set(rest.ticksWaiting)
  gauge('stuck', 'Things that ought to move and do not', []).set(rest.stuck)
  gauge('alert_posts_not_sent', 'Alerts that the webhook did not take so far', []).set(
    rest.postsNotSent,
  )
}

/** A histogram of what is counted already: prom-client's own wants each single time, so what it would answer is replaced. */
function times(
  registry: Registry,
  { tallies, bounds }: LedgerMetrics,
  name: string,
  metric: string,
  help: string,
): void {
  const full = `nightledger_${metric}`
  const histogram = new Histogram({
    name: full,
    help,
    labelNames: ['job'],
    buckets: bounds,
    registers: [registry],
  })
  const counted = tallies.filter((one) => one.name === name && one.bucket >= 0)
  const values = [...Map.groupBy(counted, ({ job }) => job)].flatMap(([job, of]) => {
    const below = (end: number) => of.reduce((sum, one) => sum + (one.bucket <= end ? one.n : 0), 0)
    return [
      ...[...bounds, '+Inf'].map((le, end) => ({
        metricName: `${full}_bucket`,
        labels: { job, le },
        value: below(end),
      })),
      {
        metricName: `${full}_sum`,
        labels: { job },
        value: of.reduce((sum, one) => sum + one.seconds, 0),
      },
      { metricName: `${full}_count`, labels: { job }, value: below(Infinity) },
    ]
  })
  Object.assign(histogram, {
    getForPromString: async () => ({ name: full, help, type: 'histogram', values }),
  })
}
