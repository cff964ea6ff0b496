import type { ExtractTools, Page } from '../../../stream.ts'
import type { PostRead, ProfileRead, StreamSeed } from '../route.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { objectOf } from './shapes.ts'
import type { Crawler } from './upstream.ts'
import { CrawlerFault } from './verdict.ts'

export interface PostsByIdCursor {
  ids: string[]
}

/** A stream's cursor holds all that is left to ask for, and is written with each page. */
const mostIds = 100

/** One post after the other, by its id: one that is not found is told as absent. */
export async function postByIdPage(
  crawler: Crawler,
  { ids }: PostsByIdCursor,
  tools: ExtractTools,
): Promise<Page<PostsByIdCursor>> {
  const [id = '', ...rest] = ids
  const next = rest.length > 0 ? { ids: rest } : null
  try {
    const asked = crawler.get('/v1/media/by/id', { id }, objectOf('post'), tools)
    const post = await orSkip(asked, { forbidden: isPrivate })
    return { records: [post], next }
  } catch (error) {
    if (!(error instanceof CrawlerFault) || error.kind !== 'not_found') throw error
    return { records: [], absent: [id], next }
  }
}

export function postsByIdSeeds(
  { externalId }: ProfileRead,
  posts: readonly PostRead[],
): StreamSeed[] {
  const ids = [...new Set(posts.map((post) => post.externalId))]
  return Array.from({ length: Math.ceil(ids.length / mostIds) }, (_, n) => {
    const cursor: PostsByIdCursor = { ids: ids.slice(n * mostIds, (n + 1) * mostIds) }
    return { subject: n === 0 ? externalId : `${externalId} (${n + 1})`, cursor }
  })
}
