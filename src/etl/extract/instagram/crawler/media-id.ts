import type { PostRead } from '../route.ts'

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What the crawler knows a post by: its external id; where the official API met it first, what its shortcode says, which is that id in base 64. */
export function mediaIdOf({ externalId, shortcode, graphId }: PostRead): string {
  if (!shortcode || graphId !== externalId) return externalId
  const digits = Array.from(shortcode, (sign) => alphabet.indexOf(sign))
  if (digits.includes(-1)) return externalId
  return digits.reduce((id, digit) => id * 64n + BigInt(digit), 0n).toString()
}
