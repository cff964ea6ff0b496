import { MultiBar, type SingleBar } from 'cli-progress'
import type { StreamProgress } from '../etl/stream.ts'
import { oneLine, span } from './format.ts'
import type { ProgressDisplay } from './progress-display.ts'
import { createProgressSum } from './progress-sum.ts'

/** How often the clock of the sum moves. */
const tickMs = 500
/** Lines below the sum at most; a terminal with fewer rows has fewer. */
const mostLines = 20

/**
 * On a terminal: a line with the sum, and below it one for each stream that is read, as many as fit. The others
 * are in the sum, and get a line when one becomes free.
 */
export function showBars(stream: NodeJS.WriteStream): ProgressDisplay {
  const bars = new MultiBar({
    stream,
    format: (_options, _params, payload: { text?: string }) => fit(payload.text ?? ''),
    clearOnComplete: false,
    hideCursor: true,
    linewrap: false,
  })
  const fit = (text: string) => oneLine(text, Math.max(20, (stream.columns || 80) - 1))
  const sum = createProgressSum()
  const lines = new Map<string, SingleBar>()
  const total = bars.create(1, 0, { text: '' })
  const room = () => Math.min(mostLines, Math.max(1, (stream.rows || 24) - 4))

  const showSum = () => {
    const { pages, rows, rate, elapsedMs, open, ended } = sum.now()
    const unseen = open - lines.size
    total.update(0, {
      text: `${figures(pages, rows, rate)}  ${span(elapsedMs)}  streams: ${open} open${unseen > 0 ? ` (${unseen} not shown)` : ''}, ${ended} ended`,
    })
  }
  const ticking = setInterval(showSum, tickMs)
  // Not a reason to keep the process alive.
  ticking.unref()
  let stopped = false
  return {
    onProgress(_lease, progress) {
      if (stopped) return
      const rate = sum.add(progress)
      const text = describe(progress, rate)
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
  rate: number,
): string {
  return `${figures(pages, rows, rate)}  ${service} ${operation} ${subject}`
}

/** In columns, so that lines can be compared; first on the line, where a narrow terminal cuts last. */
function figures(pages: number, rows: number, rate: number): string {
  return `${String(pages).padStart(6)} pages ${String(rows).padStart(9)} rows ${String(rate).padStart(6)}/s`
}
