import { z } from 'zod'
import { Skipped } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { completed } from '../record-fields.ts'
import type { PostRead, ProfileRead, StreamSeed } from '../route.ts'
import { withFields } from './edge.ts'
import { GraphFault } from './errors.ts'
import { mediaFields } from './media-fields.ts'
import { orSkip } from './or-skip.ts'
import { ownAccount } from './own-accounts.ts'
import type { Graph } from './upstream.ts'

export interface PostsByIdCursor {
  username: string
  posts: { externalId: string; graphId: string }[]
}

const mostPosts = 100
const medium = { due: 'a post', shape: z.record(z.string(), z.unknown()) }

/** One post after the other of one's own account, by its id: one that is not found is told as absent. */
export async function postByIdPage(
  graph: Graph,
  { username, posts }: PostsByIdCursor,
  tools: ExtractTools,
): Promise<Page<PostsByIdCursor>> {
  const own = await ownAccount(graph, username, tools)
  if (!own) throw new Skipped('the official API gives single posts of one’s own accounts only')
  const [post, ...rest] = posts
  if (!post) return { records: [], next: null }
  const next = rest.length > 0 ? { username, posts: rest } : null
  try {
    const found = await withFields(graph, 'medium', mediaFields, (fields) =>
      orSkip(graph.get(`/${post.graphId}`, { fields }, medium, tools)),
    )
    return { records: [completed(found, { username: own.username, owner: { id: own.id } })], next }
  } catch (error) {
    if (!(error instanceof GraphFault) || error.kind !== 'not_found') throw error
    return { records: [], absent: [post.externalId], next }
  }
}

/** Those whose id the official API has told. */
export function postsByIdSeeds(
  { externalId, username }: ProfileRead,
  posts: readonly PostRead[],
): StreamSeed[] {
  const asked = posts.flatMap((post) =>
    post.graphId ? [{ externalId: post.externalId, graphId: post.graphId }] : [],
  )
  return Array.from({ length: Math.ceil(asked.length / mostPosts) }, (_, n) => {
    const some = asked.slice(n * mostPosts, (n + 1) * mostPosts)
    const cursor: PostsByIdCursor = { username, posts: some }
    return { subject: n === 0 ? externalId : `${externalId} (${n + 1})`, cursor }
  })
}
