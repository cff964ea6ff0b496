import { Skipped } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { follow, type Trail } from '../page-trail.ts'
import { completed } from '../record-fields.ts'
import type { ProfileRead, StreamSeed } from '../route.ts'
import { getEdge, withFields } from './edge.ts'
import { mediaFields } from './media-fields.ts'
import { orSkip } from './or-skip.ts'
import { ownAccount } from './own-accounts.ts'
import type { Graph } from './upstream.ts'

export interface OfProfileCursor {
  username: string
  at?: string
  trail?: Trail
}

/** Stories of the last day, of one's own account (upstreams/instagram.md, A1). */
export async function storiesPage(
  graph: Graph,
  cursor: OfProfileCursor,
  tools: ExtractTools,
): Promise<Page<OfProfileCursor>> {
  const { username, at, trail } = cursor
  const own = await ownAccount(graph, username, tools)
  if (!own) throw new Skipped('the official API gives stories of one’s own accounts only')
  const path = `/${own.id}/stories`
  const { records, next } = await withFields(graph, 'stories', mediaFields, (fields) =>
    orSkip(getEdge(graph, path, { fields, after: at }, tools)),
  )
  const known = { media_product_type: 'STORY', username: own.username, owner: { id: own.id } }
  return {
    records: records.map((story) => completed(story, known)),
    next:
      next === null
        ? null
        : { ...cursor, at: next, trail: follow(trail, { records, next }, `GET ${path}`) },
  }
}

export function ofProfileSeed({ externalId, username }: ProfileRead): StreamSeed {
  const cursor: OfProfileCursor = { username }
  return { subject: externalId, cursor }
}
