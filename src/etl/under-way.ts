import PQueue from 'p-queue'

/** Pages that were asked for and are not at hand yet: as many are asked for again after a kill. */
export interface UnderWay {
  /**
   * Asks for a page when there is room for one more; from then on it is under way, until it failed to come or `keep` is over.
   */
  ask<Came>(work: () => Promise<Came>, keep: (came: Came) => Promise<void>): Promise<Came>
}

/** How fast pages come, as far as known by now; in milliseconds. */
export interface Pace {
  /** From a request to its answer, without the wait for the quota. */
  latencyMs: number
  /** Between two requests, by the quota. */
  intervalMs: number
}

/** So many cost little, and leave the pace some play. */
const fewest = 2
const most = 8
/** The quickest of so many pages in a row counts: what holds up a few, a process that just began for one, is no reason for more. */
const inARow = 8
/** What of the quota is not worth one page more. */
const spare = 0.02

/** Lets no more pages be under way than it takes to use the quota up. */
export function openUnderWay(pace: () => Pace): UnderWay {
  const took: number[] = []
  const queue = new PQueue({ concurrency: roomAfter(0) })

  function roomAfter(keepMs: number): number {
    const { latencyMs, intervalMs } = pace()
    took.push(latencyMs + keepMs)
    if (took.length > inARow) took.shift()
    const pages = Math.min(...took) / Math.max(intervalMs, 1)
    return Math.min(most, Math.max(fewest, Math.ceil(pages * (1 - spare))))
  }

  return {
    ask: (work, keep) =>
      queue.add(async () => {
        const answer = await work()
        const came = performance.now()
        await keep(answer)
        queue.concurrency = roomAfter(performance.now() - came)
        return answer
      }),
  }
}
