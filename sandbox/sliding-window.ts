export type SlidingWindow = {
  /** How many were added in the `spanMs` up to `nowMs`; one exactly `spanMs` old no longer counts. */
  count(nowMs: number): number
  add(nowMs: number): void
  /** Until the oldest that counts no longer does, in ms; 0 where none counts. */
  leftMs(nowMs: number): number
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
    leftMs(nowMs) {
      forget(nowMs)
      return first < times.length ? (times[first] ?? 0) + spanMs - nowMs : 0
    },
    add(nowMs) {
      forget(nowMs)
      times.push(nowMs)
    },
  }
}
