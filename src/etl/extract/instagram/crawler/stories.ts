import type { ExtractTools, Page } from '../../../stream.ts'
import { completed } from '../record-fields.ts'
import type { ProfileRead, StreamSeed } from '../route.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { reelOfStories } from './shapes.ts'
import type { Crawler } from './upstream.ts'

export interface OfProfileCursor {
  userId: string
  /** Leave the look whether it is private out, since that was just read: it costs a request (upstreams/instagram.md, B3). */
  force?: true
}

/** The stories of the last day. By v2, which tells when each ends; v1 does not (upstreams/instagram.md, B2). */
export async function storiesPage(
  crawler: Crawler,
  { userId, force }: OfProfileCursor,
  tools: ExtractTools,
): Promise<Page<OfProfileCursor>> {
  const query = { user_id: userId, ...forced(force) }
  const asked = crawler.get('/v2/user/stories', query, reelOfStories, tools)
  const { reel } = await orSkip(asked, { forbidden: isPrivate })
  const owner = { user: reel?.user ?? { pk: userId } }
  return { records: (reel?.items ?? []).map((item) => completed(item, owner)), next: null }
}

export const forced = (force: true | undefined) => (force ? { force: 'on' } : {})

export function ofProfileSeed({ externalId, isPrivate: unread = true }: ProfileRead): StreamSeed {
  const cursor: OfProfileCursor = { userId: externalId, ...(!unread && { force: true }) }
  return { subject: externalId, cursor }
}
