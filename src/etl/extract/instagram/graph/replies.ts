import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import { commentFields, type MediaNamed, mostComments, named } from './comment-records.ts'
import { getEdge, withFields } from './edge.ts'
import { orSkip } from './or-skip.ts'
import type { Graph } from './upstream.ts'

export interface RepliesCursor {
  commentId: string
  media: MediaNamed
  at?: string
  trail?: Trail
}

/** A page of the replies to a comment under one's own post. */
export async function repliesPage(
  graph: Graph,
  cursor: RepliesCursor,
  tools: ExtractTools,
): Promise<Page<RepliesCursor>> {
  const { commentId, media, at, trail } = cursor
  const path = `/${commentId}/replies`
  const limit = String(mostComments)
  const { records, next } = await withFields(graph, 'replies', commentFields, (fields) =>
    orSkip(
      getEdge(graph, path, { fields, limit, after: at }, tools),
      'the comment is not there any more',
    ),
  )
  return {
    records: records.map((reply) => named(reply, media, commentId)),
    next:
      next === null
        ? null
        : { ...cursor, at: next, trail: follow(trail, { records, next }, `GET ${path}`) },
  }
}
