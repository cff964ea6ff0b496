/** A clock that can be moved on, so that tests need not wait. Never back. */
export function createClock() {
  let aheadMs = 0
  return {
    nowMs: () => Date.now() + aheadMs,
    advance(seconds: number) {
      aheadMs += seconds * 1000
    },
    aheadSeconds: () => aheadMs / 1000,
  }
}

export const isoTime = (ms: number): string => new Date(ms).toISOString()
