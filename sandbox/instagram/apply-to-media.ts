import type { Random } from '../random.ts'
import type { Applied, Change } from './change-schema.ts'
import { chooseComment, chooseMedia } from './choose.ts'
import { commentBase, commentPk, REPLY_ROOM } from './comment-ids.ts'
import type { Media } from './media.ts'
import { commentCounts, commentsOff } from './post-facts.ts'
import { repliesTo } from './replies.ts'
import { changesOfMedia, changesOfProfile, variant, type World } from './world.ts'

type MediaChange = Extract<Change, { media?: string | undefined }>

export const isOfMedia = (change: Change): change is MediaChange => change.op in fits

/** Which media a change can be made to, where none is named. */
const fits: Record<MediaChange['op'], (world: World, media: Media) => boolean> = {
  deletePost: () => true,
  newComment: (world, media) => hasRoom(world, media) && !commentsOff(world, media),
  deleteComment: (world, media) => commentCounts(world, media).top > 0,
  newReply: (world, media) => commentCounts(world, media).top > 0,
  newLiker: () => true,
  editPost: () => true,
}

const hasRoom = (world: World, { pk, baseComments }: Media): boolean =>
  baseComments + (world.media.get(pk)?.comments.length ?? 0) < 2_097_152

export function applyToMedia(
  world: World,
  change: MediaChange,
  random: Random,
  clock: number,
): Applied {
  const { op } = change
  const media = chooseMedia(world, change, random, (one) => fits[op](world, one))
  if (media === undefined) return { op, skipped: 'no such post' }
  return {
    op,
    profile: media.profile.pk,
    pk: media.pk,
    ...make(world, change, media, random, clock),
  }
}

function make(
  world: World,
  change: MediaChange,
  media: Media,
  random: Random,
  clock: number,
): Partial<Applied> {
  const changes = changesOfMedia(world, media.pk)
  switch (change.op) {
    case 'deletePost': {
      const ofProfile = changesOfProfile(world, media.user)
      ofProfile.deleted.add(media.pk)
      if (media.variant === variant.feed) ofProfile.deletedFromFeed++
      // What was held of it is never asked for again.
      world.media.delete(media.pk)
      return {}
    }
    case 'newComment': {
      changes.comments.push({ at: change.at ?? clock, text: change.text ?? null })
      return { pk: pkOf(media, media.baseComments + changes.comments.length - 1) }
    }
    case 'deleteComment': {
      const position = chooseComment(world, media, change.comment, random)
      if (position === undefined) return { skipped: 'no such comment' }
      changes.deletedComments.add(position)
      return { pk: pkOf(media, position) }
    }
    case 'newReply':
      return addReply(world, change, media, random, clock)
    case 'newLiker':
      changes.likers++
      return {}
    case 'editPost': {
      const { likeCount, playCount, caption, commentsOff: off } = change
      if (likeCount !== undefined) changes.likeCount = likeCount
      if (playCount !== undefined) changes.playCount = playCount
      if (caption !== undefined) changes.caption = caption
      if (off !== undefined) changes.commentsOff = off
      return {}
    }
  }
  throw new Error('every operation is named above')
}

/** Ids have room for replies to the first comment of each eight only: comment-ids.ts. */
function addReply(
  world: World,
  change: Extract<Change, { op: 'newReply' }>,
  media: Media,
  random: Random,
  clock: number,
): Partial<Applied> {
  const changes = changesOfMedia(world, media.pk)
  const count = (position: number) => repliesTo(media, changes, position)
  const position = chooseComment(
    world,
    media,
    change.comment,
    random,
    (one) => one % 8 === 0 && count(one) < REPLY_ROOM,
  )
  if (position === undefined) return { skipped: 'no comment with room for a reply' }
  const added = changes.replies.get(position) ?? []
  changes.replies.set(position, added)
  added.push(change.at ?? clock)
  return {
    pk: commentPk(
      commentBase(media.user, media.slot, media.variant),
      position,
      count(position) - 1,
    ),
  }
}

function pkOf({ user, slot, variant: which }: Media, position: number): string {
  return commentPk(commentBase(user, slot, which), position)
}
