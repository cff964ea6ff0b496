import { type Selectable, sql } from 'kysely'
import { oneLine, span } from '../../cli/format.ts'
import { listActions } from '../../db/actions.ts'
import type { Db } from '../../db/connect.ts'
import type {
  LedgerAnalysisStates,
  LedgerBreakers,
  LedgerUpstreamUsage,
} from '../../db/schema.generated.ts'
import type { Settings } from '../../settings.ts'
import { actionsList } from './actions-page.ts'
import { csrf, type Page } from './frame.ts'
import { type Html, html } from './html.ts'
import { figure, moment } from './pieces.ts'
import { numbers, table } from './table.ts'
import { usageChart } from './usage-chart.ts'

type Usage = Selectable<LedgerUpstreamUsage> & { service: string; hour: Date }

/** How far back the hours go. */
const hours = 48

/** What we ask of whom, against what they allow; who has shut us out; what is out for analysis. */
export async function readUpstreamsPage(db: Db, settings: Settings): Promise<Page> {
  const [{ rows: clock }, usage, months, breakers, analysis, actions] = await Promise.all([
    sql<{ now: Date; month: Date }>`
      select clock_timestamp() as now, date_trunc('month', clock_timestamp(), 'UTC') as month`.execute(
      db,
    ),
    readUsage(db),
    readCredits(db),
    db.selectFrom('ledger.breakers').selectAll().orderBy('opened_at').execute(),
    db.selectFrom('ledger.analysis_states').selectAll().orderBy('service').execute(),
    listActions(db, { limit: 50 }),
  ])
  const now = clock[0]?.now ?? new Date()
  const services = [...new Set(usage.map(({ service }) => service))].toSorted()
  return {
    title: breakers.length > 0 ? 'Upstreams: one is blocked' : 'Upstreams',
    live: [
      { id: 'breakers', content: breakersList(breakers, now) },
      ...services.map((service) => ({
        id: `service-${service}`,
        content: serviceCard(
          service,
          usage.filter((one) => one.service === service),
          settings,
          now,
        ),
      })),
      { id: 'credits', content: creditsTable(months) },
      { id: 'analysis', content: analysisTable(analysis, now) },
      {
        id: 'unblocked',
        content: actionsList(
          actions.filter(({ service }) => service !== null),
          now,
        ),
      },
    ],
    still: (session) =>
      html`<form id="act" method="post" action="/upstreams">${csrf(session)}</form>`,
  }
}

async function readUsage(db: Db): Promise<Usage[]> {
  const { rows } = await sql<Usage>`
    select * from ledger.upstream_usage
    where hour > date_trunc('hour', clock_timestamp(), 'UTC') - make_interval(hours => ${hours})
    order by service, hour`.execute(db)
  return rows
}

function serviceCard(service: string, usage: Usage[], settings: Settings, now: Date): Html {
  const sum = (field: 'requests' | 'retries' | 'rate_limited' | 'throttled_ms' | 'credits') =>
    usage.reduce((all, one) => all + (one[field] ?? 0), 0)
  const limit = limitOf(service, settings)
  return html`<h2>${service} <span class="note">the last ${hours} hours</span></h2><div class="card">
${usageChart(
  service,
  usage.map(({ hour, requests, rate_limited }) => ({
    hour,
    requests: requests ?? 0,
    refused: rate_limited ?? 0,
  })),
  limit?.perHour,
  hours,
  now,
)}
<dl class="facts"><div><dt>quota</dt><dd>${limit?.said ?? 'what its answers say'}</dd></div>
<div><dt>requests</dt><dd>${figure('requests', sum('requests'))}</dd></div>
<div><dt>retries</dt><dd>${figure('retries', sum('retries'))}</dd></div>
<div><dt>429s</dt><dd>${figure('rate_limited', sum('rate_limited'))}</dd></div>
<div><dt>waited for the quota</dt><dd>${span(sum('throttled_ms'))}</dd></div>
<div><dt>credits</dt><dd>${figure('credits', sum('credits'))}</dd></div></dl></div>`
}

function limitOf(
  service: string,
  {
    AMOCRM_REQUESTS_PER_SECOND: amocrm,
    INSTAGRAM_REQUESTS_PER_SECOND: instagram,
    APOLLO_REQUESTS_PER_HOUR: apollo,
  }: Settings,
): { perHour: number; said: string } | undefined {
  if (service === 'amocrm') return perSecond(amocrm)
  if (service === 'instagram') return perSecond(instagram)
  if (service !== 'apollo' || apollo === undefined) return undefined
  return { perHour: apollo, said: `${apollo} an hour` }
}

const perSecond = (limit: number) => ({ perHour: limit * 3600, said: `${limit} a second` })

function breakersList(breakers: Selectable<LedgerBreakers>[], now: Date): Html {
  if (breakers.length === 0)
    return html`<div class="summary good"><p>No service has shut us out.</p></div>`
  return html`<div class="summary bad" role="status"><ul>${breakers.map(
    ({ service, account, reason, opened_at, opened_by }) =>
      html`<li><strong>${service}</strong> is blocked (${account}) since ${moment('opened_at', opened_at, now)}, met by ${opened_by}: ${oneLine(reason, 300)} <button form="act" name="unblock" value="${service}">Unblock ${service}</button></li>`,
  )}</ul></div>`
}

interface Credits {
  service: string
  account: string
  budget: number | null
  spent: number
  in_doubt: number
}

async function readCredits(db: Db): Promise<Credits[]> {
  const { rows } = await sql<Credits>`
    select service, account, budget, spent, in_doubt from ledger.credit_months
    where month = date_trunc('month', clock_timestamp() at time zone 'UTC')::date order by service, account`.execute(
    db,
  )
  return rows
}

function creditsTable(months: readonly Credits[]): Html {
  if (months.length === 0) return html`<h2>Credits this month</h2><p class="none">none spent</p>`
  const rows = months.map(({ service, account, spent, in_doubt: inDoubt, budget }) => [
    `${service} ${account}`,
    figure('spent', spent),
    figure('in_doubt', inDoubt),
    budget === null ? 'none' : budget.toLocaleString('en'),
  ])
  return html`<h2>Credits this month</h2>
${table('Credits', ['account', ...numbers('spent', 'in doubt', 'budget')], { rows })}`
}

function analysisTable(states: readonly Selectable<LedgerAnalysisStates>[], now: Date): Html {
  const [outstanding = '', failed = ''] = numbers('outstanding', 'failed or expired in a week')
  const rows = states.map((one) => [
    one.service,
    figure('outstanding', one.outstanding),
    moment('oldest', one.oldest, now),
    figure('failed_in_a_week', one.failed_in_a_week),
  ])
  return html`<h2>Analysis</h2>
${table('Analysis', ['service', outstanding, 'oldest', failed], { rows })}`
}
