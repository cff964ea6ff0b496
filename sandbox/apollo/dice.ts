import { scrambled } from '../random.ts'

/** A number that depends on the seed, on whom or what it is about, and on its purpose; nothing is kept. */
export function dice(seed: number, index: number, purpose: number): number {
  const one = scrambled(index + Math.imul(purpose, 0x9e3779b9))
  return scrambled((one ^ Math.imul(seed, 0x85ebca77)) >>> 0)
}
