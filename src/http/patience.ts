import { Fault } from '../errors.ts'
import { ProblemError } from './problem.ts'

/** From the arrival of a request to giving the storage up, in ms: what is left of 10 s is for writing that down and answering. */
const storageWithinMs = 8000
/** What the storage gets at least, where most of that time was spent waiting for the turn, in ms. */
const storageAtLeastMs = 2500
/** For all the rest of it, in ms. */
const toTellMs = 1000
/** How long ago the last call may have succeeded, for the storage to count as well, in ms. */
const wellForMs = 2000
/** A turn is waited for no longer than this, however well things go, in ms. */
const longestWaitMs = 60_000

export interface Turn {
  /** Begins; the signal fires when the storage is to be given up. @throws ProblemError where it is too late to begin */
  take(): { storageEnd: AbortSignal }
  /** Rejects with a problem, when the client has waited long enough. */
  tooLate: Promise<never>
  end(): void
}

/**
 * How long requests wait: while the storage is well, for as long as those before them take; where it is not, all of
 * them are answered within 10 s.
 */
export function createPatience() {
  let lastSuccess = -Infinity
  let hasSucceeded = true
  const isStorageWell = () => hasSucceeded && performance.now() - lastSuccess < wellForMs

  return {
    ended(succeeded: boolean): void {
      hasSucceeded = succeeded
      if (succeeded) lastSuccess = performance.now()
    },
    /** @param id of the job call, if there is one by then */
    waitForTurn(id: () => string | undefined): Turn {
      const arrived = performance.now()
      const late = Promise.withResolvers<never>()
      late.promise.catch(() => {})
      let state: 'waiting' | 'taken' | 'refused' = 'waiting'
      const timers: NodeJS.Timeout[] = []
      const after = (ms: number, work: () => void) => timers.push(setTimeout(work, ms))

      const look = () => {
        if (state !== 'waiting') return
        const now = performance.now()
        if (isStorageWell() && now - arrived < longestWaitMs) return after(500, look)
        state = 'refused'
        return late.reject(busy())
      }
      after(storageWithinMs, look)

      return {
        take() {
          const left = storageWithinMs - (performance.now() - arrived)
          const isTooLate = left < storageAtLeastMs && !isStorageWell()
          if (state === 'refused' || isTooLate) throw busy()
          state = 'taken'
          const storageEnd = new AbortController()
          const storageMs = Math.max(left, storageAtLeastMs)
          after(storageMs, () => storageEnd.abort(tooSlow()))
          after(storageMs + toTellMs, () => late.reject(unknownEnd(id())))
          return { storageEnd: storageEnd.signal }
        },
        tooLate: late.promise,
        end: () => timers.forEach((timer) => clearTimeout(timer)),
      }
    },
  }
}

const tooSlow = () =>
  new Fault('network', 'the storage did not answer in time', {
    service: 'minio',
    hint: 'is it running and reachable at MINIO_ENDPOINT?',
  })

const busy = () =>
  new ProblemError(503, 'too much to do at the moment: nothing was done, try again')

const unknownEnd = (id: string | undefined) =>
  new ProblemError(503, 'how it ended is not known yet: see its job call', {
    ...(id !== undefined && { job_call_id: id }),
  })
