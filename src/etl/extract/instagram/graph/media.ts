import { z } from 'zod'
import type { ExtractTools, Page } from '../../../stream.ts'
import { havePassed, inOrder } from '../newer-than.ts'
import { follow, type Trail } from '../page-trail.ts'
import { completed } from '../record-fields.ts'
import type { FeedAsked, StreamSeed } from '../route.ts'
import { edge, getEdge, withFields } from './edge.ts'
import { mediaFields } from './media-fields.ts'
import { orSkip } from './or-skip.ts'
import { type OwnAccount, ownAccounts } from './own-accounts.ts'
import { discovery, orNobody } from './profile.ts'
import type { Graph } from './upstream.ts'

export interface MediaCursor {
  username: string
  at?: string
  since?: string
  untilUnchanged?: true
  trail?: Trail
}

/** How many at a time: more is said to be given (100 at most), but albums with their children make heavy answers. */
const limit = '50'

/** A page of an account's posts and reels, newest first; the newest 10,000 are all there is (upstreams/instagram.md, A1). */
export async function mediaPage(
  graph: Graph,
  cursor: MediaCursor,
  tools: ExtractTools,
): Promise<Page<MediaCursor>> {
  const { username, at, since, untilUnchanged, trail } = cursor
  const accounts = await ownAccounts(graph, tools)
  const mine = accounts.find((account) => account.username === username.toLowerCase())
  const read = mine ? ownMedia : othersMedia
  const { records, next } = await read(graph, mine ?? accounts[0], cursor, tools)
  const telling = inOrder(records, at === undefined)
  const over = next === null || (since !== undefined && havePassed(since, telling))
  return {
    records,
    next: over
      ? null
      : { ...cursor, at: next, trail: follow(trail, { records, next }, `media of ${username}`) },
    ...(untilUnchanged && telling.length > 0 && { endsUnless: 'changed' as const }),
  }
}

async function ownMedia(
  graph: Graph,
  { id, username }: OwnAccount,
  { at }: MediaCursor,
  tools: ExtractTools,
) {
  const { records, next } = await withFields(graph, 'media', mediaFields, (fields) =>
    orSkip(getEdge(graph, `/${id}/media`, { fields, limit, after: at }, tools)),
  )
  return { records: records.map((record) => completed(record, { username, owner: { id } })), next }
}

const discovered = {
  due: 'a list of media by discovery',
  shape: z.looseObject({
    business_discovery: z.looseObject({ id: z.string(), media: edge.optional() }),
  }),
}

/** Inside discovery only the cursor is to be relied on, not `paging.next`; the list ends where none comes, or no record. */
async function othersMedia(
  graph: Graph,
  own: OwnAccount,
  { username, at }: MediaCursor,
  tools: ExtractTools,
) {
  const answer = await withFields(graph, 'discovered', mediaFields, (fields) => {
    const list = `media.limit(${limit})${at ? `.after(${at})` : ''}{${fields}}`
    const query = { fields: discovery(username, `id,${list}`) }
    return orSkip(graph.get(`/${own.id}`, query, discovered, tools)).catch(orNobody(username))
  })
  const { id, media } = answer.business_discovery
  // No list at all: an account without posts.
  const { data, paging } = media ?? { data: [] }
  const next = data.length > 0 ? paging?.cursors?.after || null : null
  return { records: data.map((record) => completed(record, { username, owner: { id } })), next }
}

export function mediaSeed({ externalId, username, since, untilUnchanged }: FeedAsked): StreamSeed {
  const cursor: MediaCursor = {
    username,
    ...(since && { since }),
    ...(untilUnchanged && { untilUnchanged }),
  }
  return { subject: externalId, cursor }
}
