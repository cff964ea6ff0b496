import { oneLine, plural, span } from '../../cli/format.ts'
import { type Html, html } from './html.ts'

/** Something that took time: a stream, or a call under this one. */
export interface Stretch {
  name: string
  href?: string
  status: string
  started: Date | null
  /** Null: it still goes on. */
  ended: Date | null
  throttledMs: number
  retries: number
}

const most = 60

/**
 * When each began and ended, from when the call was queued, and how much of that it waited for the shared quota: that
 * share is drawn at the bar's beginning, since the ledger knows how long, not when.
 */
export function timeLine(
  stretches: readonly Stretch[],
  call: { queued: Date; started: Date | null; ended: Date | null },
  now: Date,
): Html {
  const begun = stretches.filter(({ started }) => started !== null)
  if (begun.length === 0) return html``
  const shown = begun
    .toSorted((a, b) => (a.started?.getTime() ?? 0) - (b.started?.getTime() ?? 0))
    .slice(0, most)
  const from = call.queued.getTime()
  const to = Math.max(from + 1, (call.ended ?? now).getTime())
  const whole = { name: 'the call', status: '', throttledMs: 0, retries: 0, ...call }
  return html`<h2>Time line <span class="note">${span(to - from)} since it was queued</span></h2>
<ol class="times">${line({ ...whole, started: call.started ?? now }, from, to, now, (call.started ?? now).getTime() - from)}${shown.map((one) => line(one, from, to, now))}</ol>
${begun.length > most && html`<p class="note">… the first ${most} of ${begun.length}</p>`}`
}

function line(stretch: Stretch, from: number, to: number, now: Date, queuedMs = 0): Html {
  const { name, href, status, throttledMs, retries } = stretch
  const ended = Math.max(stretch.started?.getTime() ?? to, (stretch.ended ?? now).getTime())
  // A stream counts as begun with its first page: what that had to wait for came before.
  const counted = ended - (stretch.started?.getTime() ?? to)
  const started = Math.max(from, ended - Math.max(counted, throttledMs))
  const x = (at: number) => round((1000 * (Math.min(to, Math.max(from, at)) - from)) / (to - from))
  const width = Math.max(2, round(x(ended) - x(started)))
  const waited = round(width * Math.min(1, throttledMs / Math.max(1, ended - started)))
  const said = [
    span(ended - started),
    throttledMs > 0 && `${span(throttledMs)} waiting for the quota`,
    retries > 0 && plural(retries, 'retry', 'retries'),
    queuedMs > 0 && `${span(queuedMs)} waiting for a worker`,
  ].filter((part) => part !== false)
  const label = oneLine(name, 60)
  return html`<li><span class="name">${href ? html`<a href="${href}">${label}</a>` : label}</span>
<svg class="time ${status}" aria-hidden="true" viewBox="0 0 1000 10" preserveAspectRatio="none">
<rect class="ground" width="1000" height="10"/>
${queuedMs > 0 && html`<rect class="waited" width="${x(started)}" height="10"/>`}
<rect class="done" x="${x(started)}" width="${width}" height="10"/><rect class="waited" x="${x(started)}" width="${waited}" height="10"/></svg>
<span class="said">${said.join(', ')}</span></li>`
}

const round = (number: number) => Math.round(number * 10) / 10
