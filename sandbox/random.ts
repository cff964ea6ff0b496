/** Gives numbers in [0, 1), the same ones for the same seed. */
export type Random = () => number

/** mulberry32: small, fast, and good enough to invent people with. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

/** A whole number from `from` to `to`, both included. */
export function between(random: Random, from: number, to: number): number {
  return from + Math.floor(random() * (to - from + 1))
}

/** One of the list; the list must not be empty. */
export function pick<T>(random: Random, list: readonly T[]): T {
  const chosen = list[Math.floor(random() * list.length)]
  if (chosen === undefined) throw new Error('cannot pick from an empty list')
  return chosen
}

export function chance(random: Random, probability: number): boolean {
  return random() < probability
}

/**
 * A number that looks unrelated to `id`, different for every 32-bit id (the murmur3 finalizer can
 * be undone, so no two ids meet).
 */
export function scrambled(id: number): number {
  let mixed = id ^ (id >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
