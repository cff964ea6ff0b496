/** One request that asked for the state of jobs. */
export type Poll = {
  /** Monotonic ms, the scale of the request log. */
  at: number
  time: string
  /** Jobs it named. */
  ids: number
  /** Jobs of the service that had not ended when it came. */
  open: number
  /** Jobs of its answer that have ended; 0 where it was refused. */
  ended: number
}

const KEPT = 100_000

/** Every poll, the last 100,000. */
export function createPollBook() {
  let polls: Poll[] = []
  return {
    add(poll: Poll) {
      polls.push(poll)
      if (polls.length >= KEPT * 2) polls = polls.slice(-KEPT)
    },
    all: () => polls.slice(-KEPT),
    clear() {
      polls = []
    },
  }
}
