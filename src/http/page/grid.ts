import type { Db } from '../../db/connect.ts'
import { oneLine, plural } from '../../cli/format.ts'
import type { ErrorRecord } from '../../errors.ts'
import type { Settings } from '../../settings.ts'
import type { Page } from './frame.ts'
import { type Html, html } from './html.ts'
import { type JobRow, listJobRows, type NextTick, type RecentCall } from './job-rows.ts'
import { fromNow, lasted, moment, statusBadge } from './pieces.ts'
import { sparkline } from './sparkline.ts'
import { listTroubles, summary } from './trouble.ts'

/** How many calls of each job are shown. */
export const fewCalls = 50
export const manyCalls = 500

/** A row a job, a square a call: is everything all right? */
export async function readGrid(db: Db, settings: Settings, most: number): Promise<Page> {
  const [{ now, rows }, troubles] = await Promise.all([
    listJobRows(db, settings, most),
    listTroubles(db),
  ])
  const failing = new Set(troubles.map(({ job }) => job))
  const live = rows.reduce((sum, { state }) => sum + (state?.live ?? 0), 0)
  return {
    title: troubles.length > 0 ? `${troubles.length} to look at` : 'All is well',
    live: [
      { id: 'summary', content: summary(troubles, live, now) },
      ...rows.map((row) => ({
        id: `job-${row.name}`,
        content: jobRow(row, failing.has(row.name), now),
      })),
    ],
    still: () => html`<p class="note legend">A square is a call, the newest on the right: ${[
      'succeeded',
      'failed',
      'running',
      'waiting',
      'queued',
      'cancelled',
    ].map((status) => html`<span><i class="call ${status}"></i> ${status}</span> `)}
${most === fewCalls ? html`<a href="/?calls=${manyCalls}">The last ${manyCalls} of each job</a>` : html`<a href="/">The last ${fewCalls} of each job</a>`}</p>`,
  }
}

function jobRow({ name, state, calls, schedule }: JobRow, stands_out: boolean, now: Date): Html {
  const status = state?.state ?? 'never ran'
  return html`<article class="job${stands_out && ' bad'}" data-job="${name}">
<h2><a href="/jobs/${encodeURIComponent(name)}">${name}</a> ${statusBadge(status)}</h2>
${callSquares(name, calls)}
<div class="spark">${sparkline(calls.map(ofCall).toReversed())}</div>
<dl><div><dt>next</dt><dd>${next(schedule, now)}</dd></div>
<div><dt>last success</dt><dd>${moment('last_success_at', state?.last_success_at ?? null, now)}</dd></div></dl>
${status === 'failed' && html`<p class="why">${why(state?.last_error as ErrorRecord | null, state?.failed_since_success ?? 0)}</p>`}
</article>`
}

/** The newest first in the document, on the right on the screen: there it stays when there are more than fit. */
export function callSquares(job: string, calls: readonly RecentCall[]): Html {
  if (calls.length === 0) return html`<p class="calls none">never ran</p>`
  return html`<div class="calls scroll" role="group" aria-label="calls of ${job}, newest first">${calls.map(
    (call, n) =>
      html`<a class="call ${call.status}${call.checks_failed > 0 && ' checks'}" href="/calls/${call.id}"${n > 0 && html` tabindex="-1"`}
title="${describe(call)}" aria-label="${describe(call)}"></a>`,
  )}</div>`
}

function describe(call: RecentCall): string {
  const { status, scheduled_for, queued_at, seconds, error_kind, checks_failed } = call
  const when = (scheduled_for ?? queued_at).toISOString().slice(0, 16).replace('T', ' ')
  const took = seconds === null ? '' : `, ${lasted(seconds)}`
  const checks = checks_failed > 0 ? `, ${plural(checks_failed, 'check')} failed` : ''
  return `${status}${error_kind === null ? '' : ` (${error_kind})`}${checks}, ${when}${took}`
}

const ofCall = ({ status, seconds, finished_at }: RecentCall) => ({
  status,
  seconds,
  finished: finished_at !== null,
})

export function next(schedule: NextTick, now: Date): Html {
  if ('never' in schedule)
    return html`<span class="${schedule.never === 'paused' || schedule.never === 'when asked' ? 'none' : 'warn'}">${schedule.never}</span>`
  const { at, expression, timezone } = schedule
  return html`<time datetime="${at.toISOString()}" title="${`${expression} ${timezone}`}">${fromNow(at, now)}</time>`
}

function why(error: ErrorRecord | null, times: number): string {
  const often =
    times > 1 ? `${times === 100 ? 'at least 100' : times} times in a row, at last ` : ''
  return `${often}${error?.kind ?? ''}: ${oneLine(error?.message ?? '', 200)}`
}
