/** So many of the last answers tell what is usual. */
const remembered = 64
/** What waiting for late ones may cost, on average, in milliseconds of each lane's second. */
const budgetMs = 12
/** What holds for a request whose answer is not there yet, and until there is something to compare with. */
export const unknownLateMs = 8
const enough = 5

/**
 * How late the upstream may have counted a request, beyond the way that all have: it stamps a request between its leaving
 * and the head of its answer, so one that took 30 ms longer than the quickest may have been stamped 30 ms late, and the next in
 * its lane would seem that much too early. Where the times differ anyway, since some answers are more work than others,
 * they tell little, and following each would cost the quota: then only as much as leaves the average in the budget.
 */
export function createLateness() {
  const took: number[] = []

  return {
    /** How late one may have been counted whose answer took so long, in milliseconds. */
    of(tookMs: number): number {
      took.push(tookMs)
      if (took.length > remembered) took.shift()
      if (took.length < enough) return unknownLateMs
      const sorted = took.toSorted((a, b) => a - b)
      // Not the very quickest: that may have been nothing but an error page.
      const usual = sorted[Math.floor(sorted.length / 20)] ?? 0
      const late = sorted.map((ms) => Math.max(0, ms - usual))
      return Math.min(Math.max(0, tookMs - usual), mostWithin(late))
    },
  }
}

/** Where all of these, in order, have to be cut so that their average is in the budget. */
function mostWithin(late: readonly number[]): number {
  let left = budgetMs * late.length
  for (const [index, ms] of late.entries()) {
    const rest = late.length - index
    if (ms * rest > left) return left / rest
    left -= ms
  }
  return Infinity
}
