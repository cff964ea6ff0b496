/** How many of the moments (in milliseconds) the fullest half-open window of one second holds. */
export function mostInOneSecond(moments: readonly number[]): number {
  const sorted = moments.toSorted((a, b) => a - b)
  let most = 0
  let first = 0
  for (const [index, moment] of sorted.entries()) {
    while (moment - (sorted[first] ?? moment) >= 1000) first++
    most = Math.max(most, index - first + 1)
  }
  return most
}

/** Requests / (N x time from first to last send). */
export function utilisation(moments: readonly number[], perSecond: number): number {
  const seconds = (Math.max(...moments) - Math.min(...moments)) / 1000
  return moments.length / (perSecond * seconds)
}
