import { type SingleBar, MultiBar } from 'cli-progress'
import type { StreamProgress } from '../etl/stream.ts'

export interface ProgressDisplay {
  onProgress: (lease: unknown, progress: StreamProgress) => void
  stop(): void
}

/** Plain output gets a line at most this often. */
const plainEveryMs = 2000

/** A line a stream on a terminal; elsewhere a plain line now and then, with the sums. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  return stream.isTTY ? showBars(stream) : writeLines(stream)
}

function showBars(stream: NodeJS.WriteStream): ProgressDisplay {
  const bars = new MultiBar({
    stream,
    format: '{what} {pages} pages {rows} rows {rate}/s',
    clearOnComplete: false,
    hideCursor: true,
    linewrap: false,
  })
  const shown = new Map<string, { bar: SingleBar; begun: number; from: number }>()
  let stopped = false
  return {
    onProgress(_lease, { id, service, operation, subject, pages, rows, status }) {
      if (stopped) return
      const line = shown.get(id) ?? { bar: bars.create(1, 0), begun: performance.now(), from: rows }
      shown.set(id, line)
      const rate = Math.round(
        (rows - line.from) / Math.max(1, (performance.now() - line.begun) / 1000),
      )
      line.bar.update(0, {
        what: `${service} ${operation} ${subject}`.padEnd(44).slice(0, 60),
        pages,
        rows,
        rate,
      })
      if (status === 'open') return
      // Ended streams make room; the table at the end has them all.
      bars.remove(line.bar)
      shown.delete(id)
    },
    stop() {
      stopped = true
      bars.stop()
    },
  }
}

function writeLines(stream: NodeJS.WriteStream): ProgressDisplay {
  const streams = new Map<string, { pages: number; rows: number }>()
  const ended = { pages: 0, rows: 0, streams: 0 }
  let last = performance.now()
  return {
    onProgress(_lease, { id, pages, rows, status }) {
      if (status === 'open') streams.set(id, { pages, rows })
      else {
        streams.delete(id)
        ended.pages += pages
        ended.rows += rows
        ended.streams += 1
      }
      if (performance.now() - last < plainEveryMs) return
      last = performance.now()
      const open = [...streams.values()]
      const pagesSum = open.reduce((sum, one) => sum + one.pages, ended.pages)
      const rowsSum = open.reduce((sum, one) => sum + one.rows, ended.rows)
      stream.write(
        `${pagesSum} pages, ${rowsSum} rows; streams: ${open.length} open, ${ended.streams} ended\n`,
      )
    },
    stop() {},
  }
}
