import { type Comment, commentAt, replyAt, type Thread } from '../comments.ts'
import { isoTime } from './tell-media.ts'
import { personJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

/** Comment of v1 (upstreams/instagram.md, B2). */
export function commentJson(visit: Visit, comment: Comment) {
  const { pk } = comment
  return {
    pk: visit.settings.ids === 'number' ? visit.tell(pk, 0) : pk,
    text: comment.text,
    user: personJson(visit, comment.author),
    created_at_utc: isoTime(comment.createdAt),
    content_type: 'comment',
    status: 'Active',
    has_liked: false,
    like_count: comment.likeCount,
  }
}

/** The raw comment of v2, a reply to another one included. */
export function rawCommentJson(visit: Visit, thread: Thread, comment: Comment) {
  const { media } = thread
  const { pk, author, createdAt, reply } = comment
  const key = author.hash
  return {
    pk: visit.tell(pk, key),
    text: comment.text,
    user_id: visit.tell(author.pk, key),
    user: personJson(visit, author),
    created_at: createdAt,
    created_at_utc: createdAt,
    comment_like_count: comment.likeCount,
    like_count: comment.likeCount,
    media_id: visit.tell(media.pk, media.hash),
    content_type: 'comment',
    status: 'Active',
    is_pinned: comment.isPinned,
    ...(reply === null ? children(visit, thread, comment) : parentJson(visit, thread, comment)),
  }
}

/** The app shows the first reply under a comment, and how many there are. */
function children(visit: Visit, thread: Thread, comment: Comment) {
  const { replyCount } = comment
  const first = replyCount > 0 ? [replyAt(visit.world, thread, comment, 0)] : []
  return {
    child_comment_count: replyCount,
    preview_child_comments: first.map((reply): object => rawCommentJson(visit, thread, reply)),
  }
}

function parentJson(visit: Visit, thread: Thread, reply: Comment) {
  const parent = commentAt(visit.world, thread, reply.position)
  const id = parent === undefined ? null : visit.tell(parent.pk, reply.author.hash)
  return { parent_comment_id: id, replied_to_comment_id: id, child_comment_index: reply.reply }
}
