import type { ExtractTools, Page } from '../../../stream.ts'
import { havePassed, inOrder } from '../newer-than.ts'
import { follow, type Trail } from '../page-trail.ts'
import type { FeedAsked, StreamSeed } from '../route.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { tupleOf } from './shapes.ts'
import type { Crawler } from './upstream.ts'
import { CrawlerFault } from './verdict.ts'

export interface FeedCursor {
  userId: string
  at?: string
  since?: string
  untilUnchanged?: true
  trail?: Trail
}

const paths = { posts: '/v1/user/medias/chunk', reels: '/v1/user/clips/chunk' } as const

/** A page of a profile's posts, or of its reels; the newest first, after those that are pinned. */
export async function feedPage(
  crawler: Crawler,
  feed: keyof typeof paths,
  cursor: FeedCursor,
  tools: ExtractTools,
): Promise<Page<FeedCursor>> {
  const { userId, at, since, untilUnchanged, trail } = cursor
  const path = paths[feed]
  const query = { user_id: userId, end_cursor: at }
  const [records, next] = await orSkip(crawler.get(path, query, tupleOf(feed), tools), {
    forbidden: isPrivate,
  }).catch((error: unknown) => {
    // An account with no reels is a 404 (upstreams/instagram.md, B3).
    if (feed === 'reels' && error instanceof CrawlerFault && error.kind === 'not_found')
      return [[], null] as const
    throw error
  })
  const telling = inOrder(records, at === undefined)
  const over = next === null || (since !== undefined && havePassed(since, telling))
  return {
    records,
    next: over
      ? null
      : { ...cursor, at: next, trail: follow(trail, { records, next }, `GET ${path}`) },
    // A page that tells nothing of what follows ends nothing: a short first one, an empty one in mid-list.
    ...(untilUnchanged && telling.length > 0 && { endsUnless: 'changed' as const }),
  }
}

export function postsSeed({ externalId, since, untilUnchanged }: FeedAsked): StreamSeed {
  const cursor: FeedCursor = {
    userId: externalId,
    ...(since && { since }),
    ...(untilUnchanged && { untilUnchanged }),
  }
  return { subject: externalId, cursor }
}

/** A reel that stands in the feed too was written when that was read: that a page changes nothing says nothing of the next. */
export function reelsSeed({ externalId, username, since }: FeedAsked): StreamSeed {
  return postsSeed({ externalId, username, since })
}
