import { type Comment, commentAt, replyAt, type Thread, threadOf, topLevel } from '../comments.ts'
import { graphMediaId, graphUserId } from '../ids.ts'
import type { Media } from '../media.ts'
import { askedByField, type Edge, edgePage } from './edge.ts'
import type { Node } from './project.ts'
import { graphTime } from './time.ts'
import type { Visit } from './visit.ts'

const COMMENTS_CAP = 50

/** Top-level only, the newest first, at most 50 a query (upstreams/instagram.md, A1). */
export function commentsEdge(visit: Visit, media: Media): Edge<Comment> {
  const { world, settings } = visit
  const thread = threadOf(world, media)
  return {
    name: 'comments',
    owner: graphMediaId(media.pk),
    usual: 25,
    most: COMMENTS_CAP,
    falling: true,
    *after(place) {
      // From above the top, so that a pinned one does not come first: none does here.
      for (const position of newestFirst(visit, thread, place)) {
        const comment = commentAt(world, thread, position)
        if (comment !== undefined) yield comment
      }
    },
    placeOf: ({ position }) => position,
    node: (comment) => commentNode(visit, thread, comment, null),
    usualFields: 'id,text,timestamp',
    pages: settings.commentsPaging,
  }
}

/** The pinned one in its place by age. */
function* newestFirst(visit: Visit, thread: Thread, place: number | null): Generator<number> {
  yield* topLevel(visit.world, { ...thread, pinned: null }, place ?? thread.total)
}

export function repliesEdge(visit: Visit, thread: Thread, parent: Comment): Edge<Comment> {
  return {
    name: 'replies',
    owner: parent.pk,
    usual: 25,
    most: COMMENTS_CAP,
    falling: false,
    *after(place) {
      for (let n = place === null ? 0 : place + 1; n < parent.replyCount; n++) {
        yield replyAt(visit.world, thread, parent, n)
      }
    },
    placeOf: ({ reply }) => reply ?? 0,
    node: (reply) => commentNode(visit, thread, reply, parent),
    usualFields: 'id,text,timestamp',
  }
}

/** IG Comment: upstreams/instagram.md, A2. */
export function commentNode(
  visit: Visit,
  thread: Thread,
  comment: Comment,
  parent: Comment | null,
): Node {
  const { author, pk } = comment
  const { username } = author
  return {
    type: 'IGComment',
    id: pk,
    fields: {
      text: () => comment.text,
      timestamp: () => graphTime(comment.createdAt),
      username: () => username,
      from: () => ({ id: graphUserId(visit.world.options.seed, author.user), username }),
      like_count: () => comment.likeCount,
      hidden: () => false,
      media: () => ({ id: graphMediaId(thread.media.pk) }),
      parent_id: () => parent?.pk,
      replies: (field) =>
        comment.replyCount === 0
          ? undefined
          : edgePage(visit, repliesEdge(visit, thread, comment), askedByField(field)),
      // Told only of comments that the app's own user wrote.
      user: () => undefined,
    },
  }
}
