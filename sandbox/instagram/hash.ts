import { scrambled } from '../random.ts'

/** What a hash is made for, so that the third post and the third comment don't resemble each other. */
export const realm = {
  user: 1,
  media: 2,
  comment: 3,
  highlight: 4,
  check: 5,
  people: 6,
  reply: 7,
} as const

/** 32 bits out of the seed and the place of a record: the same place tells the same, always. */
export function hashOf(seed: number, kind: number, a = 0, b = 0, c = 0): number {
  let hash = scrambled(seed + Math.imul(kind, 0x9e3779b1))
  hash = scrambled(hash + Math.imul(a + 1, 0x85ebca6b))
  hash = scrambled(hash + Math.imul(b + 1, 0xc2b2ae35))
  return scrambled(hash + Math.imul(c + 1, 0x27d4eb2f))
}

/** A number in [0, 1) out of a hash; each `salt` gives another one. */
export function share(hash: number, salt: number): number {
  return scrambled(hash + Math.imul(salt, 0x9e3779b1)) / 4_294_967_296
}

/** A whole number in [0, size). */
export function roll(hash: number, salt: number, size: number): number {
  return Math.floor(share(hash, salt) * size)
}

export function pickBy<T>(hash: number, salt: number, list: readonly T[]): T {
  const chosen = list[roll(hash, salt, list.length)]
  if (chosen === undefined) throw new Error('cannot pick from an empty list')
  return chosen
}
