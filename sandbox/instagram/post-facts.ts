import { pickBy, share } from './hash.ts'
import { codeOf } from './ids.ts'
import { bornWithoutComments, type Media } from './media.ts'
import { repliesInAll } from './replies.ts'
import { isGiant, personOf } from './users.ts'
import { captionText } from './words.ts'
import type { World } from './world.ts'

export function commentsOff(world: World, { pk, hash, user, baseComments }: Media): boolean {
  const changed = world.media.get(pk)?.commentsOff
  return changed ?? (!isGiant(world, user) && baseComments === 0 && bornWithoutComments(hash))
}

export const likesHidden = ({ hash }: Media): boolean => share(hash, 47) < 0.07

/** Listed top-level comments, and with their replies: the second is what the counts tell. */
export function commentCounts(world: World, media: Media): { top: number; all: number } {
  if (commentsOff(world, media)) return { top: 0, all: 0 }
  const changed = world.media.get(media.pk)
  const deleted = changed?.deletedComments.size ?? 0
  const top = media.baseComments + (changed?.comments.length ?? 0) - deleted
  return { top, all: top + repliesInAll(media, changed) }
}

export function captionOf(world: World, media: Media): string {
  const changed = world.media.get(media.pk)?.caption
  return changed ?? captionText(media.hash, personOf(world, media.hash % world.users).username)
}

export const shortcode = ({ pk }: Media): string => codeOf(pk)

export const locationOf = <T>({ hash }: Media, places: readonly T[]): T | null =>
  share(hash, 48) < 0.2 ? pickBy(hash, 49, places) : null
