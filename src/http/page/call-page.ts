import { isoTime, oneLine, plural, span } from '../../cli/format.ts'
import type { RejectReason } from '../../db/call-sums.ts'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { actionsList } from './actions-page.ts'
import { bar } from './bar.ts'
import { childrenTable, crumbs, nameOf, treeSums } from './call-family.ts'
import { streamsTable } from './call-streams.ts'
import { csrf, type Page } from './frame.ts'
import { type Html, html } from './html.ts'
import { errorNote, figure, json, moment, statusBadge } from './pieces.ts'
import { type ReadCall, readCall } from './read-call.ts'
import { numbers, table } from './table.ts'
import { type Stretch, timeLine } from './time-line.ts'

/**
 * A job call: how far it is, its streams and children, what waited for what, what went wrong.
 * @param atOnce somebody waits for it: what takes long follows with the news
 */
export async function readCallPage(db: Db, id: string, atOnce: boolean): Promise<Page> {
  const read = await readCall(db, id, atOnce)
  const { call, run, streams, counts, children, failed, sums, rejects, checks, now } = read
  return {
    title: `${call.status}: ${nameOf(call)}`,
    live: [
      { id: 'call', content: head(read) },
      { id: 'checks', content: checksList(checks) },
      { id: 'children', content: childrenTable(children, counts, failed) },
      {
        id: 'streams',
        content: children.length > 0 && streams.length === 0 ? html`` : streamsTable(streams, run),
      },
      { id: 'sums', content: treeSums(sums) },
      { id: 'time', content: timeLine(stretchesOf(read), timesOf(call), now) },
      { id: 'rejects', content: rejectsTable(rejects) },
    ],
    still: (session) =>
      html`<h2>Parameters</h2>${json(call.params)}<form id="act" method="post" action="/calls/${id}">${csrf(session)}</form>`,
  }
}

function head(read: ReadCall): Html {
  const { call, run, above, now, leaseLeft, actions } = read
  return html`${crumbs(call, above)}
<div class="card">
<p class="state">${statusBadge(call.status)} ${progress(read)}</p>
${errorNote(call.error)}
<dl class="facts">${facts(call, now, leaseLeft).map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
${call.result !== null && html`<p>Result: ${json(call.result)}</p>`}
<p class="buttons">${buttons(call, run.analysis_open ?? 0)}</p>
${actionsList(actions, now)}
</div>`
}

/** The form that these belong to stands at the end of the page, where it is not replaced. */
function buttons(
  { status, finished_at, cancel_requested_at }: JobCall,
  analysisOpen: number,
): Html[] {
  const made: Html[] = []
  if ((finished_at === null && cancel_requested_at === null) || analysisOpen > 0)
    made.push(html`<button form="act" name="do" value="cancel" class="danger">Cancel</button>`)
  if (status === 'failed' || status === 'cancelled')
    made.push(html`<button form="act" name="do" value="resume" class="main">Resume</button>`)
  return made
}

function facts(call: JobCall, now: Date, leaseLeft: number | null): [string, Html | string][] {
  const end = call.finished_at ?? now
  const made: [string, Html | string | undefined][] = [
    [
      'trigger',
      call.scheduled_for ? `${call.trigger}, for ${isoTime(call.scheduled_for)}` : call.trigger,
    ],
    ['queued', moment('queued_at', call.queued_at, now)],
    ['started', call.started_at ? moment('started_at', call.started_at, now) : undefined],
    ['finished', call.finished_at ? moment('finished_at', call.finished_at, now) : undefined],
    ['took', call.started_at ? span(end.getTime() - call.started_at.getTime()) : undefined],
    [
      'attempt',
      `${call.attempt}${call.failures > 0 ? `, ${plural(call.failures, 'failed one')} since it was queued` : ''}`,
    ],
    ['worker', call.worker === null ? undefined : worker(call, leaseLeft)],
    [
      'goes on',
      call.next_attempt_at ? moment('next_attempt_at', call.next_attempt_at, now) : undefined,
    ],
    [
      'cancel asked',
      call.cancel_requested_by === null
        ? undefined
        : html`by ${call.cancel_requested_by}, ${moment('cancel_requested_at', call.cancel_requested_at, now)}`,
    ],
    [
      'goes on from',
      call.adopted_from
        ? html`<a href="/calls/${call.adopted_from}">an earlier call</a>`
        : undefined,
    ],
  ]
  return made.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]]))
}

function worker({ worker: name, status }: JobCall, leaseLeft: number | null): Html {
  const isGone = status === 'running' && leaseLeft !== null && leaseLeft < 0
  return html`${name}${isGone && html` <span class="wrong">is gone: its lease ran out ${span(-(leaseLeft ?? 0) * 1000)} ago</span>`}`
}

/** By the calls under it that are done; else by what the same call read the last time; else by its streams. */
function progress({ call, run, rowsLastTime, under }: ReadCall): Html {
  const { streams, streams_open, rows_read } = run
  if (call.finished_at !== null)
    return html`${bar(call.status === 'succeeded' ? 1 : 0, 'the call', call.status)} <span class="note">${(rows_read ?? 0).toLocaleString('en')} rows read</span>`
  if (call.status === 'queued' && call.attempt === 0)
    return html`${bar(0, 'the call', 'queued')} <span class="note">waits for a worker</span>`
  if (under.all > 0)
    return html`${bar(under.over / under.all, 'the call', 'open')} <span class="note">${under.over.toLocaleString('en')} of ${under.all.toLocaleString('en')} calls under it are done</span>`
  const read = (rows_read ?? 0).toLocaleString('en')
  if (rowsLastTime)
    return html`${bar(Math.min(0.99, (rows_read ?? 0) / rowsLastTime), 'the call', 'open')} <span class="note">${read} rows, of about ${rowsLastTime.toLocaleString('en')} as the last time</span>`
  return html`${bar(undefined, 'the call', 'open')} <span class="note">${read} rows so far; ${(streams ?? 0) - (streams_open ?? 0)} of ${streams} known streams are done</span>`
}

const timesOf = ({ queued_at, started_at, finished_at }: JobCall) => ({
  queued: queued_at,
  started: started_at,
  ended: finished_at,
})

function stretchesOf({ call, streams, children }: ReadCall): Stretch[] {
  const under = children.map((child) => ({
    name: `${child.job} ${child.subject}`,
    href: `/calls/${child.id}`,
    status: child.status ?? '',
    started: child.started_at,
    ended: child.finished_at,
    throttledMs: child.throttled_ms ?? 0,
    retries: child.retries ?? 0,
  }))
  const own = streams.map((stream) => ({
    name: `${stream.service} ${stream.operation} ${stream.subject}`,
    status: stream.status ?? '',
    started: stream.started_at,
    // Nobody reads an open stream of a call that does not run.
    ended: stream.finished_at ?? (call.status === 'running' ? null : stream.updated_at),
    throttledMs: stream.throttled_ms ?? 0,
    retries: stream.retries ?? 0,
  }))
  return [...own, ...under]
}

/** What was found of the data after it ended. */
function checksList(checks: ReadCall['checks']): Html {
  if (checks.length === 0) return html``
  return html`<h2>Checks</h2><ul class="checks">${checks.map(({ title, status, found }) => html`<li>${statusBadge(status)} ${title}: ${found}</li>`)}</ul>`
}

function rejectsTable(reasons: readonly RejectReason[]): Html {
  if (reasons.length === 0) return html``
  const all = reasons.reduce((sum, { count }) => sum + count, 0)
  const columns = ['reason', 'entity', ...numbers('records', 'still wrong'), 'for example']
  const rows = reasons
    .slice(0, 50)
    .map(({ count, still, entity, reason, example }) => [
      oneLine(reason, 300),
      entity,
      figure('rejects', count),
      figure('rejects_still', still),
      html`<code>${oneLine(example, 80)}</code>`,
    ])
  return html`<h2>${plural(all, 'reject')}</h2>
${table('Rejects', columns, { rows })}`
}
