import type { StreamProgress } from '../etl/stream.ts'
import { plural, span } from './format.ts'
import { showBars } from './progress-bars.ts'
import { createProgressSum } from './progress-sum.ts'

export interface ProgressDisplay {
  onProgress: (lease: unknown, progress: StreamProgress) => void
  stop: () => void
}

/** Plain output gets a line at most this often. */
const plainEveryMs = 2000

/** A line a stream on a terminal; elsewhere a plain line now and then, with the sums. */
export function showProgress(stream: NodeJS.WriteStream = process.stderr): ProgressDisplay {
  return stream.isTTY ? showBars(stream) : writeLines(stream)
}

function writeLines(stream: NodeJS.WriteStream): ProgressDisplay {
  const sum = createProgressSum()
  let last = performance.now()
  return {
    onProgress(_lease, progress) {
      sum.add(progress)
      if (performance.now() - last < plainEveryMs) return
      last = performance.now()
      const { pages, rows, rate, elapsedMs, open, ended } = sum.now()
      stream.write(
        `${plural(pages, 'page')}, ${plural(rows, 'row')} (${rate}/s) in ${span(elapsedMs)}; streams: ${open} open, ${ended} ended\n`,
      )
    },
    stop() {},
  }
}
