import { lasted } from './pieces.ts'
import { type Html, html } from './html.ts'

const width = 120
const height = 24

/** How long the last calls took: a line from the oldest to the newest, failed ones as dots on it. Attributes alone, no styles: see the page's policy. */
export function sparkline(
  calls: readonly { status: string; seconds: number | null; finished: boolean }[],
): Html {
  const ended = calls.filter(({ seconds, finished }) => finished && seconds !== null)
  if (ended.length < 2) return html`<span class="none">–</span>`
  const longest = Math.max(...ended.map(({ seconds }) => seconds ?? 0), 0.001)
  const points = ended.map(({ seconds, status }, n) => ({
    x: round(2 + (n * (width - 4)) / (ended.length - 1)),
    y: round(height - 2 - ((seconds ?? 0) / longest) * (height - 4)),
    failed: status === 'failed',
  }))
  const last = ended.at(-1)?.seconds ?? null
  return html`<svg class="sparkline" role="img" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"
aria-label="how long the last ${ended.length} took: ${lasted(last)} at last, ${lasted(longest)} at most">
<polyline points="${points.map(({ x, y }) => `${x},${y}`).join(' ')}"/>${points
    .filter(({ failed }) => failed)
    .map(({ x, y }) => html`<circle cx="${x}" cy="${y}" r="2"/>`)}</svg>`
}

const round = (number: number) => Math.round(number * 10) / 10
