import type { Answer } from '../../http/answer.ts'
import { type Comment, commentAt, replyAt, type Thread, threadOf, topLevel } from '../comments.ts'
import { placeOfComment } from '../comment-ids.ts'
import { commentCounts } from '../post-facts.ts'
import { body, type Endpoint, envelope, param } from './endpoint.ts'
import { commentedPost } from './find.ts'
import { listPage } from './list-page.ts'
import { refuse } from './refusal.ts'
import { commentJson, rawCommentJson } from './tell-comments.ts'
import { captionJson } from './tell-raw-media.ts'
import type { Visit } from './visit.ts'

const PAGE_SIZE = 15
const REPLIES_PAGE_SIZE = 8

const positionOf = ({ position }: Comment): number => position
const replyOf = ({ reply }: Comment): number => reply ?? 0

function commentPage(
  visit: Visit,
  thread: Thread,
  cursor: string | null,
  tell: (comment: Comment) => object,
) {
  const { world } = visit
  const after = function* (place: number | null) {
    for (const position of topLevel(world, thread, place)) {
      const comment = commentAt(world, thread, position)
      if (comment !== undefined) yield comment
    }
  }
  const list = {
    name: 'comments',
    owner: thread.media.pk,
    size: PAGE_SIZE,
    placeOf: positionOf,
    tell,
  }
  return listPage(visit, { ...list, after }, cursor)
}

/** Three slots: the cursor stands in the middle one, `min_id`; who sends it as `max_id` is served. */
function chunk(visit: Visit): Answer {
  const thread = threadOf(visit.world, commentedPost(visit.world, param(visit, 'id')))
  const cursor = visit.params.get('min_id') ?? visit.params.get('max_id')
  const { records, next } = commentPage(visit, thread, cursor, (one) => commentJson(visit, one))
  return body([records, next, null], records.length)
}

function comments(visit: Visit): Answer {
  const { world } = visit
  const media = commentedPost(world, param(visit, 'id'))
  const thread = threadOf(world, media)
  const page = commentPage(visit, thread, visit.params.get('page_id'), (comment) =>
    rawCommentJson(visit, thread, comment),
  )
  const response = {
    comments: page.records,
    comment_count: commentCounts(world, media).all,
    has_more_comments: false,
    has_more_headload_comments: page.next !== null,
    next_min_id: page.next,
    caption: captionJson(visit, media),
    caption_is_edited: false,
    threading_enabled: true,
    status: 'ok',
  }
  return envelope(response, page)
}

/** The oldest first, so that new ones come at the end. No envelope. */
function replies(visit: Visit): Answer {
  const { world } = visit
  const thread = threadOf(world, commentedPost(world, param(visit, 'media_id')))
  const place = placeOfComment(param(visit, 'comment_id'))
  const isHere =
    place !== null &&
    place.user === thread.media.user &&
    place.slot === thread.media.slot &&
    place.variant === thread.media.variant &&
    place.reply === null
  const parent = isHere ? commentAt(world, thread, place.position) : undefined
  if (parent === undefined) return refuse(404, 'CommentNotFound', 'Comment not found')

  const after = function* (seen: number | null) {
    for (let n = seen === null ? 0 : seen + 1; n < parent.replyCount; n++) {
      yield replyAt(world, thread, parent, n)
    }
  }
  const tell = (reply: Comment) => rawCommentJson(visit, thread, reply)
  const list = {
    name: 'replies',
    owner: parent.pk,
    size: REPLIES_PAGE_SIZE,
    after,
    placeOf: replyOf,
    tell,
  }
  const { records, next } = listPage(visit, list, visit.params.get('min_id'))
  const answer = {
    child_comments: records,
    parent_comment: rawCommentJson(visit, thread, parent),
    child_comment_count: parent.replyCount,
    has_more_head_child_comments: next !== null,
    has_more_tail_child_comments: false,
    ...(next !== null && { next_min_child_cursor: next }),
    status: 'ok',
  }
  return body(answer, records.length)
}

/** upstreams/instagram.md, B1. */
export const commentEndpoints: Record<string, Endpoint> = {
  '/v1/media/comments/chunk': { required: { id: 'id' }, answer: chunk },
  '/v2/media/comments': { required: { id: 'id' }, answer: comments },
  '/v2/media/comments/replies': {
    required: { media_id: 'id', comment_id: 'id' },
    answer: replies,
  },
}
