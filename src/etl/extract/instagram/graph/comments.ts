import { z } from 'zod'
import type { Seed } from '../../../../db/service-calls.ts'
import { Skipped } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import { idInList } from '../record-fields.ts'
import { type CommentsAsked, operationNames, type StreamSeed } from '../route.ts'
import { commentFields, type MediaNamed, mostComments, named } from './comment-records.ts'
import { edge, getEdge, withFields } from './edge.ts'
import { orSkip } from './or-skip.ts'
import { ownPost, type PostCursor, postCursor } from './own-post.ts'
import type { RepliesCursor } from './replies.ts'
import type { Graph } from './upstream.ts'

export interface CommentsCursor extends PostCursor {
  at?: string
  known?: true
  replies?: true
  trail?: Trail
  /** The last page was full, and the only one that there was. */
  cut?: true
}

/** A page of the comments of one's own post, newest first, each with its first replies where those were asked for. */
export async function commentsPage(
  graph: Graph,
  cursor: CommentsCursor,
  tools: ExtractTools,
): Promise<Page<CommentsCursor>> {
  const { at, known, replies, trail, cut } = cursor
  const { id, media } = await ownPost(graph, cursor, 'comments', tools)
  // Whether more than 50 can be had is not confirmed (A3): it is said, not passed over.
  if (cut)
    throw new Skipped(`the official API gave the newest ${mostComments} comments and no way on`, {
      untilItChanges: true,
    })
  const path = `/${id}/comments`
  const list = replies ? 'comments with replies' : 'comments'
  const { records: comments, next } = await withFields(graph, list, commentFields, (inner) => {
    const fields = replies ? `${inner},replies.limit(${mostComments}){${inner}}` : inner
    const asked = getEdge(graph, path, { fields, limit: String(mostComments), after: at }, tools)
    return orSkip(asked, 'the post is not there any more')
  })
  const threads = comments.map((comment) => threadOf(comment, media))
  const isCut = next === null && at === undefined && comments.length >= mostComments
  return {
    records: threads.flatMap((thread) => thread.records),
    opens: threads.flatMap((thread) => thread.opens),
    next:
      next !== null
        ? {
            ...cursor,
            at: next,
            trail: follow(trail, { records: comments, next }, `GET ${path}`),
          }
        : isCut
          ? { ...cursor, cut: true }
          : null,
    ...(known && comments.length > 0 && { endsUnless: 'new' as const }),
  }
}

const withReplies = z.looseObject({ replies: edge.optional().catch(undefined) })

/** A comment and the replies that came with it, as records of their own; where those go on, a stream of all of them. */
function threadOf(comment: unknown, media: MediaNamed): { records: unknown[]; opens: Seed[] } {
  const parsed = withReplies.safeParse(comment)
  if (!parsed.success) return { records: [comment], opens: [] }
  const { replies, ...told } = parsed.data
  const parent = idInList(told)
  const answers = replies?.data.map((reply) => named(reply, media, parent)) ?? []
  const records = [named(told, media), ...answers]
  if (!replies?.paging?.next || parent === undefined) return { records, opens: [] }
  const cursor: RepliesCursor = { commentId: parent, media }
  return { records, opens: [{ operation: operationNames.replies, subject: parent, cursor }] }
}

export function commentsSeed({ known, replies, ...post }: CommentsAsked): StreamSeed {
  const cursor: CommentsCursor = {
    ...postCursor(post),
    ...(known && { known }),
    ...(replies && { replies }),
  }
  return { subject: post.externalId, cursor }
}
