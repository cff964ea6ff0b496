export type SlidingWindow = {
  /** How many were added in the `spanMs` up to `nowMs`; one exactly `spanMs` old no longer counts. */
  count(nowMs: number): number
  add(nowMs: number): void
}

/** Counts events in a window that ends now; times are monotonic ms and never go back. */
export function createSlidingWindow(spanMs: number): SlidingWindow {
  let times: number[] = []
  let first = 0

  const forget = (nowMs: number) => {
    while (first < times.length && nowMs - (times[first] ?? 0) >= spanMs) first++
    // shift() on every event would move the whole list; cutting now and then does not.
    if (first > 1000) {
      times = times.slice(first)
      first = 0
    }
  }
  return {
    count(nowMs) {
      forget(nowMs)
      return times.length - first
    },
    add(nowMs) {
      forget(nowMs)
      times.push(nowMs)
    },
  }
}
