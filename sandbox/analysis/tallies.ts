/** How often a content was handed in, and what came of it. */
export type Tally = { accepted: number; succeeded: number; failed: number; canceled: number }

/** Counts per content, over all jobs, also those that expired since. */
export function createTallies() {
  const tallies = new Map<string, Tally>()
  const of = (content: string): Tally => {
    const known = tallies.get(content)
    if (known !== undefined) return known
    const fresh = { accepted: 0, succeeded: 0, failed: 0, canceled: 0 }
    tallies.set(content, fresh)
    return fresh
  }
  return {
    accepted: ({ content }: { content: string }) => void of(content).accepted++,
    ended: ({ content }: { content: string }, how: 'succeeded' | 'failed' | 'canceled') =>
      void of(content)[how]++,
    *all(only: string | undefined) {
      for (const [content, tally] of tallies) {
        if (only === undefined || content === only) yield { content, ...tally }
      }
    },
    clear: () => tallies.clear(),
  }
}
