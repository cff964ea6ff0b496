import type { StreamProgress } from '../etl/stream.ts'
import { plural, span, timeLeft } from './format.ts'
import { showBars } from './progress-bars.ts'
import { createProgressSum } from './progress-sum.ts'

export interface ProgressDisplay {
  onProgress: (lease: unknown, progress: StreamProgress) => void
  stop: () => void
}

/** Plain output gets a line at most this often. */
const plainEveryMs = 2000

/**
 * A bar a stream on a terminal; elsewhere a plain line now and then, with the sums.
 * @param expectedRows how many the last run like this one read, for how far it is and the time left
 */
export function showProgress(
  expectedRows?: number,
  stream: NodeJS.WriteStream = process.stderr,
): ProgressDisplay {
  return stream.isTTY ? showBars(stream, expectedRows) : writeLines(stream, expectedRows)
}

function writeLines(stream: NodeJS.WriteStream, expectedRows?: number): ProgressDisplay {
  const sum = createProgressSum(expectedRows)
  let last = performance.now()
  return {
    onProgress(_lease, progress) {
      sum.add(progress)
      if (performance.now() - last < plainEveryMs) return
      last = performance.now()
      const { pages, rows, rate, elapsedMs, open, ended, leftMs } = sum.now()
      stream.write(
        `${plural(pages, 'page')}, ${plural(rows, 'row')} (${rate}/s) in ${span(elapsedMs)}${timeLeft(leftMs)}; streams: ${open} open, ${ended} ended\n`,
      )
    },
    stop() {},
  }
}
