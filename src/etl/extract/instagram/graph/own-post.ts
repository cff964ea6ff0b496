import { Skipped } from '../../../../errors.ts'
import type { ExtractTools } from '../../../stream.ts'
import type { PostRead } from '../route.ts'
import type { MediaNamed } from './comment-records.ts'
import { ownAccount } from './own-accounts.ts'
import type { Graph } from './upstream.ts'

/** A post as the official API is asked for it. */
export interface PostCursor {
  graphId?: string
  shortcode: string | null
  /** Whose it is, where that is known. */
  username?: string
}

export const postCursor = ({ graphId, shortcode, username }: PostRead): PostCursor => ({
  shortcode,
  ...(graphId && { graphId }),
  ...(username && { username }),
})

/** The post's id, and how records of it name it. @throws Skipped, without a request, for what cannot be asked. */
export async function ownPost(
  graph: Graph,
  { graphId, shortcode, username }: PostCursor,
  what: string,
  tools: ExtractTools,
): Promise<{ id: string; media: MediaNamed }> {
  if (username !== undefined && !(await ownAccount(graph, username, tools)))
    throw new Skipped(`the official API gives ${what} of one’s own accounts only`)
  if (!graphId) throw new Skipped('the official API has not told its id of this post')
  return { id: graphId, media: { id: graphId, ...(shortcode && { shortcode }) } }
}
