import { MultiBar, type SingleBar } from 'cli-progress'
import type { StreamProgress } from '../etl/stream.ts'
import { oneLine, span, timeLeft } from './format.ts'
import type { ProgressDisplay } from './progress-display.ts'
import { createProgressSum, type StreamNow } from './progress-sum.ts'

/** How often the clock of the sum moves. */
const tickMs = 500
/** Lines below the sum at most; a terminal with fewer rows has fewer. */
const mostLines = 20

/**
 * On a terminal: a line with the sum, and below it one for each stream that is read, as many as fit. The others
 * are in the sum, and get a line when one becomes free.
 */
export function showBars(stream: NodeJS.WriteStream, expectedRows?: number): ProgressDisplay {
  const bars = new MultiBar({
    stream,
    format: (_options, _params, payload: { text?: string }) => fit(payload.text ?? ''),
    clearOnComplete: false,
    hideCursor: true,
    linewrap: false,
  })
  const fit = (text: string) => oneLine(text, Math.max(20, (stream.columns || 80) - 1))
  const sum = createProgressSum(expectedRows)
  const lines = new Map<string, SingleBar>()
  const total = bars.create(1, 0, { text: '' })
  const room = () => Math.min(mostLines, Math.max(1, (stream.rows || 24) - 4))

  const showSum = () => {
    const { pages, rows, elapsedMs, open, ended, ...far } = sum.now()
    const unseen = open - lines.size
    total.update(0, {
      text: `${figures(pages, rows, far)}  ${span(elapsedMs)}${timeLeft(far.leftMs)}  streams: ${open} open${unseen > 0 ? ` (${unseen} not shown)` : ''}, ${ended} ended`,
    })
  }
  const ticking = setInterval(showSum, tickMs)
  // Not a reason to keep the process alive.
  ticking.unref()
  let stopped = false
  return {
    onProgress(_lease, progress) {
      if (stopped) return
      const text = describe(progress, sum.add(progress))
      const line = lines.get(progress.id)
      if (progress.status !== 'open') {
        // Ended streams make room; the table at the end has them all.
        if (line) bars.remove(line)
        lines.delete(progress.id)
      } else if (line) line.update(0, { text })
      else if (lines.size < room()) lines.set(progress.id, bars.create(1, 0, { text }))
      showSum()
    },
    stop() {
      if (stopped) return
      stopped = true
      clearInterval(ticking)
      for (const line of lines.values()) bars.remove(line)
      lines.clear()
      showSum()
      bars.stop()
    },
  }
}

function describe(
  { service, operation, subject, pages, rows }: StreamProgress,
  now: StreamNow,
): string {
  return `${figures(pages, rows, now)}  ${service} ${operation} ${subject}${timeLeft(now.leftMs)}`
}

/** In columns, so that lines can be compared; first on the line, where a narrow terminal cuts last. */
function figures(
  pages: number,
  rows: number,
  { rate, share }: Pick<StreamNow, 'rate' | 'share'>,
): string {
  return `${bar(share)} ${String(pages).padStart(5)} pages ${String(rows).padStart(8)} rows ${String(rate).padStart(5)}/s`
}

const barWidth = 8

/** Dots alone where nobody knows how far it is. */
function bar(share: number | undefined): string {
  if (share === undefined) return `${'·'.repeat(barWidth)}     `
  const full = Math.round(Math.min(1, share) * barWidth)
  const percent = Math.min(100, Math.floor(share * 100))
  return `${'█'.repeat(full)}${'░'.repeat(barWidth - full)} ${String(percent).padStart(3)}%`
}
