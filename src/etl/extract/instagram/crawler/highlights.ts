import { z } from 'zod'
import type { Seed } from '../../../../db/service-calls.ts'
import { Skipped } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import { completed, pkOf } from '../record-fields.ts'
import { operationNames } from '../route.ts'
import { isPrivate, orSkip } from './or-skip.ts'
import { listOf, reelsOfHighlights } from './shapes.ts'
import { forced, type OfProfileCursor } from './stories.ts'
import type { Crawler } from './upstream.ts'

export interface HighlightCursor {
  highlightId: string
  userId: string
}

/** A profile's highlights, without their items: those are a stream each (upstreams/instagram.md, B1). */
export async function highlightsPage(
  crawler: Crawler,
  { userId, force }: OfProfileCursor,
  tools: ExtractTools,
): Promise<Page<OfProfileCursor>> {
  const query = { user_id: userId, ...forced(force) }
  const asked = crawler.get('/v1/user/highlights', query, listOf('highlights'), tools)
  const highlights = await orSkip(asked, { forbidden: isPrivate })
  return {
    records: highlights.map((highlight) => completed(highlight, { user: { pk: userId } })),
    next: null,
    opens: highlights.flatMap((highlight) => itemsSeeds(userId, highlight)),
  }
}

const counted = z.looseObject({
  id: z.string().optional().catch(undefined),
  media_count: z.unknown().optional(),
})

function itemsSeeds(userId: string, highlight: unknown): Seed[] {
  const { data } = counted.safeParse(highlight)
  const highlightId = pkOf(highlight) ?? withoutPrefix(data?.id ?? '')
  if (!highlightId || data?.media_count === 0) return []
  const cursor: HighlightCursor = { highlightId, userId }
  return [{ operation: operationNames.highlightItems, subject: highlightId, cursor }]
}

/** `highlight:17900` is the id of the highlight 17900 (upstreams/instagram.md, B2). */
const withoutPrefix = (id: string) => id.replace(/^highlight:/, '')

/** The items of one highlight, each with its place in it. */
export async function highlightItemsPage(
  crawler: Crawler,
  { highlightId, userId }: HighlightCursor,
  tools: ExtractTools,
): Promise<Page<HighlightCursor>> {
  const path = '/v2/highlight/by/id'
  const asked = crawler.get(path, { id: highlightId }, reelsOfHighlights, tools)
  const isGone = 'the highlight is not there any more'
  const { response } = await orSkip(asked, { forbidden: isPrivate, not_found: isGone })
  const reels = Object.entries(response.reels)
  const [, highlight] = reels.find(([key]) => withoutPrefix(key) === highlightId) ?? []
  if (!highlight) throw new Skipped(isGone)
  const items = highlight.items.map((item, position) =>
    completed(item, { highlight: { id: highlightId, position }, user: { pk: userId } }),
  )
  return { records: items, next: null }
}
