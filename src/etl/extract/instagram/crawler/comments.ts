import { z } from 'zod'
import type { Seed } from '../../../../db/service-calls.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import { completed, pkOf } from '../record-fields.ts'
import { type CommentsAsked, operationNames, type StreamSeed } from '../route.ts'
import { mediaIdOf } from './media-id.ts'
import { commentsAreOff, orSkip } from './or-skip.ts'
import type { RepliesCursor } from './replies.ts'
import { commentsPage as shape } from './shapes.ts'
import type { Crawler } from './upstream.ts'

export interface CommentsCursor {
  mediaId: string
  at?: string
  known?: true
  replies?: true
  trail?: Trail
}

const path = '/v2/media/comments'

/** A page of a post's comments: 15 (upstreams/instagram.md, B1). Those that were answered open streams of their replies. */
export async function commentsPage(
  crawler: Crawler,
  cursor: CommentsCursor,
  tools: ExtractTools,
): Promise<Page<CommentsCursor>> {
  const { mediaId, at, known, replies, trail } = cursor
  const query = { id: mediaId, page_id: at, can_support_threading: 'true' }
  const { response, next_page_id: next } = await orSkip(crawler.get(path, query, shape, tools), {
    forbidden: commentsAreOff,
    not_found: 'the post is not there any more',
  })
  const { comments } = response
  return {
    records: comments.map((comment) => completed(comment, { media_id: mediaId })),
    next:
      next === null
        ? null
        : {
            ...cursor,
            at: next,
            trail: follow(trail, { records: comments, next }, `GET ${path}`),
          },
    // An empty page in mid-list says nothing of what follows.
    ...(known && comments.length > 0 && { endsUnless: 'new' as const }),
    ...(replies && { opens: comments.flatMap((comment) => repliesSeeds(mediaId, comment)) }),
  }
}

const answered = z.looseObject({
  child_comment_count: z.coerce.number().nullish().catch(null),
  preview_child_comments: z.array(z.unknown()).nullish().catch(null),
})

/** The stream of a comment's replies; none where it has none. What is shown of them under the comment is read again there. */
function repliesSeeds(mediaId: string, comment: unknown): Seed[] {
  const { data } = answered.safeParse(comment)
  const commentId = pkOf(comment)
  const count = data?.child_comment_count ?? data?.preview_child_comments?.length ?? 0
  if (commentId === undefined || count <= 0) return []
  const cursor: RepliesCursor = { mediaId, commentId }
  return [{ operation: operationNames.replies, subject: commentId, cursor }]
}

export function commentsSeed({ known, replies, ...post }: CommentsAsked): StreamSeed {
  const cursor: CommentsCursor = {
    mediaId: mediaIdOf(post),
    ...(known && { known }),
    ...(replies && { replies }),
  }
  return { subject: post.externalId, cursor }
}
