import { z } from 'zod'
import { share } from './hash.ts'

const spread = z.strictObject({
  /** The part that has none, 0 to 1. Default 0. */
  zero: z.number().min(0).max(1).default(0),
  /** Least of those that have some. Default 1. */
  min: z.int().min(0).default(1),
  max: z.int().min(0),
  /** 1 = even; the greater, the fewer have many. Default 1. */
  skew: z.number().min(1).default(1),
})

/** How many of something there are: always the same number, or a spread over uneven ones. */
export const amountSchema = z.union([z.int().min(0), spread])
export type ReadAmount = z.output<typeof amountSchema>

export function drawAmount(amount: ReadAmount, hash: number, salt: number): number {
  if (typeof amount === 'number') return amount
  if (share(hash, salt) < amount.zero) return 0
  const high = Math.max(amount.min, amount.max)
  return amount.min + Math.floor(share(hash, salt + 1) ** amount.skew * (high - amount.min + 1))
}

const blockWeights = Array.from({ length: 100 }, (_, n) => {
  if (n === 37) return 598
  if (n % 11 === 5) return 38
  return n % 3 === 1 ? 2 : 0
})
const sums = [0]
for (const weight of blockWeights) sums.push((sums.at(-1) ?? 0) + weight)
const blockSum = sums.at(-1) ?? 0

/**
 * Comments of one post of the giant: exactly `total` over all `posts`, most posts with none or a
 * few, one in a hundred with hundreds. Known without adding up those before it.
 */
export function giantShare(total: number, posts: number, post: number): number {
  const upTo = (n: number) => Math.floor((total * weightBefore(n)) / weightBefore(posts))
  if (weightBefore(posts) === 0) return post === 0 ? total : 0
  return upTo(post + 1) - upTo(post)
}

function weightBefore(post: number): number {
  return Math.floor(post / 100) * blockSum + (sums[post % 100] ?? 0)
}

/** Replies of the first comment of each eight, over and over; `start` differs by post. */
const replyPattern = [0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 0, 2, 0, 0, 20, 0] as const
const patternSum = replyPattern.reduce<number>((sum, replies) => sum + replies, 0)

export function repliesOfBlock(start: number, block: number): number {
  return replyPattern[(start + block) % replyPattern.length] ?? 0
}

/** Replies of the first `blocks` of a post, without going through them all. */
export function repliesBefore(start: number, blocks: number): number {
  let sum = Math.floor(blocks / replyPattern.length) * patternSum
  for (let n = 0; n < blocks % replyPattern.length; n++) sum += repliesOfBlock(start, n)
  return sum
}
