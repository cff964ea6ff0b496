import { commentPk, type CommentBase, commentBase } from './comment-ids.ts'
import { hashOf, realm, roll, share } from './hash.ts'
import type { Media } from './media.ts'
import { commentsOff } from './post-facts.ts'
import { baseReplies, repliesTo } from './replies.ts'
import { type Person, personOf } from './users.ts'
import type { World } from './world.ts'
import { commentText } from './words.ts'

export type Comment = {
  position: number
  /** Its place among the replies to that comment; null for a top-level one. */
  reply: number | null
  pk: string
  author: Person
  text: string
  /** Unix seconds. */
  createdAt: number
  likeCount: number
  replyCount: number
  isPinned: boolean
}

/** What all comments of a medium share, computed once a page. */
export type Thread = { media: Media; base: CommentBase; total: number; pinned: number | null }

export function threadOf(world: World, media: Media): Thread {
  const added = world.media.get(media.pk)?.comments.length ?? 0
  const total = commentsOff(world, media) ? 0 : media.baseComments + added
  const base = commentBase(media.user, media.slot, media.variant)
  return { media, base, total, pinned: pinnedPosition(media) }
}

/** Positions of top-level comments, the newest first; `below` is exclusive. Deleted ones are left out. */
export function* topLevel(world: World, thread: Thread, below: number | null): Generator<number> {
  const deleted = world.media.get(thread.media.pk)?.deletedComments
  const isLive = (n: number | null) => n !== null && n < thread.total && deleted?.has(n) !== true
  if (below === null && thread.pinned !== null && isLive(thread.pinned)) yield thread.pinned
  for (let n = Math.min(below ?? thread.total, thread.total) - 1; n >= 0; n--) {
    if (n !== thread.pinned && isLive(n)) yield n
  }
}

/** undefined when it was deleted or never was. */
export function commentAt(world: World, thread: Thread, position: number): Comment | undefined {
  const { media, base, total, pinned } = thread
  const changed = world.media.get(media.pk)
  if (position >= total || changed?.deletedComments.has(position) === true) return undefined
  const added = changed?.comments[position - media.baseComments]
  const hash = hashOf(world.options.seed, realm.comment, media.hash, position)
  return {
    position,
    reply: null,
    pk: commentPk(base, position),
    author: personOf(world, hash % world.users),
    text: added?.text ?? commentText(hash, media.profile.username),
    createdAt: added?.at ?? baseTime(world, media, position),
    likeCount: share(hash, 61) < 0.6 ? 0 : roll(hash, 62, 40),
    replyCount: repliesTo(media, changed, position),
    isPinned: position === pinned,
  }
}

export function replyAt(world: World, thread: Thread, parent: Comment, reply: number): Comment {
  const { media, base } = thread
  const hash = hashOf(world.options.seed, realm.reply, media.hash, parent.position, reply)
  const since = reply - baseReplies(media, parent.position)
  const added = world.media.get(media.pk)?.replies.get(parent.position)?.[since]
  const author = personOf(world, reply % 3 === 1 ? media.user : hash % world.users)
  return {
    position: parent.position,
    reply,
    pk: commentPk(base, parent.position, reply),
    author,
    text: `@${parent.author.username} ${commentText(hash, author.username)}`,
    createdAt: added ?? parent.createdAt + (reply + 1) * 37,
    likeCount: roll(hash, 62, 5),
    replyCount: 0,
    isPinned: false,
  }
}

function baseTime(world: World, media: Media, position: number): number {
  const span = world.options.now - media.takenAt
  return media.takenAt + Math.floor((span * (position + 1)) / (media.baseComments + 1))
}

/** One post in ten has an old comment pinned above the others. */
function pinnedPosition({ hash, baseComments }: Media): number | null {
  return baseComments >= 5 && share(hash, 60) < 0.1 ? 1 : null
}
