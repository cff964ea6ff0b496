import { listActions } from '../../db/actions.ts'
import type { Db } from '../../db/connect.ts'
import { missingSettings } from '../../jobs/catalog.ts'
import type { Job } from '../../jobs/job.ts'
import type { Settings } from '../../settings.ts'
import { ProblemError } from '../problem.ts'
import { actionsList } from './actions-page.ts'
import { csrf, type Page } from './frame.ts'
import { callSquares, fewCalls, next } from './grid.ts'
import { type Html, html } from './html.ts'
import { type JobRow, listJobRows, type RecentCall } from './job-rows.ts'
import { errorNote, lasted, moment, statusBadge } from './pieces.ts'
import { runForm } from './run-form.ts'
import { sparkline } from './sparkline.ts'
import { numbers, type Row, table } from './table.ts'

/** What was sent and refused: shown again, with what was wrong. */
export interface Refused {
  form: URLSearchParams
  wrong: string
  hint: string | undefined
}

/** A job: its schedule, its last calls, and the form that runs it. @throws ProblemError 404 */
export async function readJobPage(
  db: Db,
  settings: Settings,
  name: string,
  refused?: Refused,
): Promise<Page> {
  const [{ now, rows }, actions] = await Promise.all([
    listJobRows(db, settings, fewCalls, name),
    listActions(db, { job: name, limit: 10 }),
  ])
  const [row] = rows
  if (!row) throw new ProblemError(404, 'there is no such job')
  const { job } = row
  const address = `/jobs/${encodeURIComponent(name)}`
  return {
    title: name,
    live: [
      { id: 'job', content: state(row, now) },
      { id: 'done', content: actionsList(actions, now) },
      { id: 'calls', content: callsTable(row, now) },
    ],
    still: (session) =>
      html`<form id="act" method="post" action="${address}">${csrf(session)}</form>
${
  job &&
  runIt(
    job,
    settings,
    html`<form class="run" method="post" action="${address}/run">${csrf(session)}${refused && refusal(refused)}
${runForm(job, refused?.form)}<p class="buttons"><button class="main">Run now</button></p></form>`,
  )
}`,
  }
}

const refusal = ({ wrong, hint }: Refused) =>
  html`<p class="wrong" role="alert">${wrong}${hint && html`<br><span class="hint">${hint}</span>`}</p>`

function runIt(job: Job, settings: Settings, form: Html): Html {
  const missing = missingSettings(job, settings)
  const content =
    missing.length > 0
      ? html`<p class="warn">It can't run: ${missing.join(', ')} not set.</p>`
      : form
  return html`<h2 id="run">Run now</h2>${content}`
}

function state({ name, job, state: known, schedule, calls }: JobRow, now: Date): Html {
  const expression = 'expression' in schedule ? schedule.expression : undefined
  const paused = known?.paused ?? false
  return html`<p>${job?.title ?? 'This program does not have it.'}</p>
<div class="card"><p class="state">${statusBadge(known?.state ?? 'never ran')}</p>
${known?.state === 'failed' && errorNote(known.last_error)}
${known?.schedule_error && html`<p class="error">${known.schedule_error}</p>`}
<dl class="facts"><div><dt>schedule</dt><dd>${expression === undefined ? 'none' : html`<code>${expression}</code> ${schedule.timezone}`}</dd></div>
<div><dt>next</dt><dd>${next(schedule, now)}</dd></div>
<div><dt>last success</dt><dd>${moment('last_success_at', known?.last_success_at ?? null, now)}</dd></div>
<div><dt>last finished</dt><dd>${moment('last_finished_at', known?.last_finished_at ?? null, now)}</dd></div>
<div><dt>under way</dt><dd><data data-field="live" value="${known?.live ?? 0}">${known?.live ?? 0}</data></dd></div>
<div><dt>how long they took</dt><dd>${sparkline(calls.map((call) => ({ ...call, finished: call.finished_at !== null })).toReversed())}</dd></div></dl>
${callSquares(name, calls)}
${expression !== undefined && html`<p class="buttons"><button form="act" name="do" value="${paused ? 'unpause' : 'pause'}">${paused ? 'Let the schedule go on' : 'Pause the schedule'}</button></p>`}</div>`
}

function callsTable({ calls }: JobRow, now: Date): Html {
  if (calls.length === 0) return html``
  const columns = [
    'call',
    'status',
    'trigger',
    'for, or queued',
    ...numbers('took', 'attempts'),
    'error',
  ]
  const known = { by: 'call', as: calls.map(({ id }) => id) }
  return html`<h2>Last calls</h2>
${table('Last calls', columns, { rows: calls.map((call) => cellsOf(call, now)), known })}`
}

function cellsOf(call: RecentCall, now: Date): Row {
  return [
    html`<a href="/calls/${call.id}">${call.id.slice(0, 13)}</a>`,
    statusBadge(call.status),
    call.trigger,
    moment('when', call.scheduled_for ?? call.queued_at, now),
    lasted(call.seconds),
    call.attempt,
    call.error_kind,
  ]
}
