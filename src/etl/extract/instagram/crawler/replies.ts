import { Fault } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import { completed } from '../record-fields.ts'
import { commentsAreOff, orSkip } from './or-skip.ts'
import { repliesPage as shape } from './shapes.ts'
import type { Crawler } from './upstream.ts'

export interface RepliesCursor {
  mediaId: string
  commentId: string
  at?: string
  trail?: Trail
  /** The last page said that more follow, and not where. */
  cut?: true
}

const path = '/v2/media/comments/replies'

/**
 * A page of the replies to a comment. How it names the next one is not confirmed (upstreams/instagram.md, B1): where more
 * should follow but no cursor comes, what came is kept and the stream fails, so that nothing is missing in silence.
 */
export async function repliesPage(
  crawler: Crawler,
  cursor: RepliesCursor,
  tools: ExtractTools,
): Promise<Page<RepliesCursor>> {
  const { mediaId, commentId, at, trail } = cursor
  if (cursor.cut) {
    const message = `GET ${path}: more replies were announced, but without next_min_child_cursor`
    throw new Fault('bad_answer', message, { service: 'instagram', retriable: false })
  }
  const query = { media_id: mediaId, comment_id: commentId, min_id: at }
  const page = await orSkip(crawler.get(path, query, shape, tools), {
    forbidden: commentsAreOff,
    not_found: 'the comment is not there any more',
  })
  const known = { media_id: mediaId, parent_comment_id: commentId }
  const next = page.next_min_child_cursor
  const isMore = [page.has_more_head_child_comments, page.has_more_tail_child_comments].includes(
    true,
  )
  return {
    records: page.child_comments.map((reply) => completed(reply, known)),
    next:
      next !== null
        ? {
            ...cursor,
            at: next,
            trail: follow(trail, { records: page.child_comments, next }, `GET ${path}`),
          }
        : isMore
          ? { ...cursor, cut: true }
          : null,
  }
}
