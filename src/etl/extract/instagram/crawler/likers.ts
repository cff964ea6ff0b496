import type { ExtractTools, Page } from '../../../stream.ts'
import type { PostRead, StreamSeed } from '../route.ts'
import { mediaIdOf } from './media-id.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { likersList } from './shapes.ts'
import type { Crawler } from './upstream.ts'

export interface LikersCursor {
  mediaId: string
}

/** All that Instagram tells of who likes a post: one call, no pages (upstreams/instagram.md, B1). */
export async function likersPage(
  crawler: Crawler,
  { mediaId }: LikersCursor,
  tools: ExtractTools,
): Promise<Page<LikersCursor>> {
  const asked = crawler.get('/v2/media/likers', { id: mediaId }, likersList, tools)
  const { users } = await orSkip(asked, {
    forbidden: isPrivate,
    not_found: 'the post is not there any more',
  })
  return { records: users.map((user) => ({ media_id: mediaId, user })), next: null }
}

export function likersSeed(post: PostRead): StreamSeed {
  const cursor: LikersCursor = { mediaId: mediaIdOf(post) }
  return { subject: post.externalId, cursor }
}
