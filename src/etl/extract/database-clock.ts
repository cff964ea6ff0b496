/** Clocks that run as they should part no faster than this: what NTP corrects by at most, 500 in a million. */
const mostDrift = 0.0005

/** Between which bounds a moment of the database's clock lies on this process's monotonic one, in milliseconds. */
export interface Bounds {
  earliest: number
  latest: number
}

/**
 * How the database's clock stands to this process's. The database reads its clock somewhere between a question and
 * its answer, so each round trip bounds the difference; the quickest of them bounds it best, and is remembered, a
 * little less exact with each second. An answer that contradicts what is remembered says that a clock was set: from then on only it counts.
 */
export function createDatabaseClock() {
  let least = -Infinity
  let most = Infinity
  let lastAt = 0

  return {
    /** The database's clock showed `shown` at some moment between `asked` and `answered`. */
    showed(shown: number, asked: number, answered: number): void {
      const drift = (answered - lastAt) * mostDrift
      lastAt = answered
      least = Math.max(least - drift, asked - shown)
      most = Math.min(most + drift, answered - shown)
      if (least <= most) return
      least = asked - shown
      most = answered - shown
    },

    boundsOf: (moment: number): Bounds => ({ earliest: moment + least, latest: moment + most }),
  }
}
