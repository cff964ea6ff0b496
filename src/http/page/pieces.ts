import { isoTime, oneLine, span } from '../../cli/format.ts'
import type { ErrorRecord } from '../../errors.ts'
import { type Html, html } from './html.ts'

/** `25,000`, with the number itself for whoever reads the page by program: the column's name is in `data-field`. */
export function figure(field: string, value: number | null): Html {
  const number = value ?? 0
  return html`<data data-field="${field}" value="${number}">${number.toLocaleString('en')}</data>`
}

/** A moment, as the ledger has it (UTC), and how far it is from now. */
export function moment(field: string, time: Date | null, now: Date): Html {
  if (!time) return html`<span class="none" data-field="${field}">–</span>`
  return html`<time data-field="${field}" datetime="${time.toISOString()}" title="${isoTime(time)}">${fromNow(time, now)}</time>`
}

/** `3 min ago`, `in 2 h`: one unit, so that it is the same for a while and need not be sent anew. */
export function fromNow(time: Date, now: Date): string {
  const ms = time.getTime() - now.getTime()
  const [count, unit] = largestUnit(Math.abs(ms))
  if (count === 0) return 'now'
  return ms > 0 ? `in ${count} ${unit}` : `${count} ${unit} ago`
}

function largestUnit(ms: number): [count: number, unit: string] {
  const units = [
    [86_400_000, 'd'],
    [3_600_000, 'h'],
    [60_000, 'min'],
  ] as const
  // Two days are told in days, less in hours: `36 h ago` says more than `1 d ago`.
  for (const [length, unit] of units)
    if (ms >= length * (unit === 'd' ? 2 : 1)) return [Math.floor(ms / length), unit]
  return [Math.floor(ms / 10_000) * 10, 's']
}

/** Colour and sign: whoever can't tell red from green sees which it is all the same (`style.css`). */
export function statusBadge(status: string): Html {
  return html`<span class="status ${status.replaceAll(' ', '-')}" data-field="status">${status}</span>`
}

/** What went wrong and what to do, as the ledger has it. */
export function errorNote(error: unknown): Html | undefined {
  if (error === null || error === undefined) return undefined
  const { kind, message, hint, service } = error as Partial<ErrorRecord>
  return html`<p class="error"><strong>${kind}</strong>${service && ` · ${service}`}: ${oneLine(message ?? '', 2000)}${hint && html`<br><span class="hint">${oneLine(hint, 1000)}</span>`}</p>`
}

/** How long: from the seconds that the ledger counts. */
export function lasted(seconds: number | null): string {
  return seconds === null ? '' : span(seconds * 1000)
}

/** JSON that a person may want to read, folded up where it is longer than `most` characters. */
export function json(value: unknown, most = 120): Html {
  const text = JSON.stringify(value)
  if (text.length <= most) return html`<code>${text}</code>`
  return html`<details><summary><code>${text.slice(0, most - 20)}…</code></summary><pre>${JSON.stringify(value, null, 2)}</pre></details>`
}
