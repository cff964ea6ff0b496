import { repliesBefore, repliesOfBlock } from './amounts.ts'
import type { MediaChanges } from './world.ts'

type Commented = { hash: number; baseComments: number; hasReplies: boolean }

/** Replies that a comment has now. Of the comments the world was made with, each eighth has some. */
export function repliesTo(media: Commented, changed: MediaChanges | undefined, position: number) {
  return baseReplies(media, position) + (changed?.replies.get(position)?.length ?? 0)
}

export function baseReplies(media: Commented, position: number): number {
  if (!media.hasReplies || position % 8 !== 0 || position >= media.baseComments) return 0
  return repliesOfBlock(media.hash % 16, position / 8)
}

/** Those of deleted comments have gone with them. */
export function repliesInAll(media: Commented, changed: MediaChanges | undefined): number {
  const blocks = media.hasReplies ? Math.ceil(media.baseComments / 8) : 0
  let sum = repliesBefore(media.hash % 16, blocks)
  if (changed === undefined) return sum
  for (const position of changed.deletedComments) sum -= baseReplies(media, position)
  for (const [position, added] of changed.replies) {
    if (!changed.deletedComments.has(position)) sum += added.length
  }
  return sum
}
