import PQueue from 'p-queue'

/** Pages that were asked for and are not written yet: as many are asked for again after a kill. */
export interface UnderWay {
  /**
   * Asks for a page when there is room for one more; from then on it is under way, until it failed to come or
   * `written` has settled.
   */
  ask<Answer>(work: () => Promise<Answer>, written: Promise<unknown>): Promise<Answer>
}

/** How fast pages come, as far as known by now; in milliseconds. */
export interface Pace {
  /** From a request to its answer, without the wait for the quota. */
  latencyMs: number
  /** Between two requests, by the quota. */
  intervalMs: number
}

/** One that is asked for while one is written: fewer would make each wait for the other. */
const fewest = 2
const most = 8
/** A part of a page more than the quota takes, since no page is like the other. */
const slack = 0.25

/** Lets no more pages be under way than it takes to use the quota up, or to keep the database writing where that is slower. */
export function openUnderWay(pace: () => Pace): UnderWay {
  const queue = new PQueue({ concurrency: fewest })
  let writeMs = 0

  function room(): number {
    const { latencyMs, intervalMs } = pace()
    const pages = (latencyMs + writeMs) / Math.max(intervalMs, writeMs, 1) + slack
    return Math.min(most, Math.max(fewest, Math.ceil(pages)))
  }

  return {
    ask(work, written) {
      const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof work>>>()
      void queue.add(async () => {
        try {
          resolve(await work())
        } catch (error) {
          return reject(error)
        }
        const came = performance.now()
        await written
        writeMs += (performance.now() - came - writeMs) / 4
        queue.concurrency = room()
      })
      return promise
    },
  }
}
