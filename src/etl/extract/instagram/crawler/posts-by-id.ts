import type { ExtractTools, Page } from '../../../stream.ts'
import type { PostRead, ProfileRead, StreamSeed } from '../route.ts'
import { mediaIdOf } from './media-id.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { objectOf } from './shapes.ts'
import type { Crawler } from './upstream.ts'
import { CrawlerFault } from './verdict.ts'

export interface PostsByIdCursor {
  /** Each by what it is stored under, and what it is asked for by, where that is another. */
  posts: { externalId: string; mediaId?: string }[]
}

/** A stream's cursor holds all that is left to ask for, and is written with each page. */
const mostPosts = 100

/** One post after the other, by its id: one that is not found is told as absent. */
export async function postByIdPage(
  crawler: Crawler,
  { posts }: PostsByIdCursor,
  tools: ExtractTools,
): Promise<Page<PostsByIdCursor>> {
  const [post, ...rest] = posts
  if (!post) return { records: [], next: null }
  const { externalId, mediaId: id = externalId } = post
  const next = rest.length > 0 ? { posts: rest } : null
  try {
    const asked = crawler.get('/v1/media/by/id', { id }, objectOf('post'), tools)
    return { records: [await orSkip(asked, { forbidden: isPrivate })], next }
  } catch (error) {
    if (!(error instanceof CrawlerFault) || error.kind !== 'not_found') throw error
    return { records: [], absent: [externalId], next }
  }
}

export function postsByIdSeeds(
  { externalId }: ProfileRead,
  posts: readonly PostRead[],
): StreamSeed[] {
  const asked = posts.map((post) => {
    const [id, mediaId] = [post.externalId, mediaIdOf(post)]
    return { externalId: id, ...(mediaId !== id && { mediaId }) }
  })
  return Array.from({ length: Math.ceil(asked.length / mostPosts) }, (_, n) => {
    const cursor: PostsByIdCursor = { posts: asked.slice(n * mostPosts, (n + 1) * mostPosts) }
    return { subject: n === 0 ? externalId : `${externalId} (${n + 1})`, cursor }
  })
}
