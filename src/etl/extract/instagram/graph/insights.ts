import { Skipped } from '../../../../errors.ts'
import type { ExtractTools, Page } from '../../../stream.ts'
import type { PostRead, StreamSeed } from '../route.ts'
import { GraphFault } from './errors.ts'
import { askMetrics } from './metrics.ts'
import { orSkip } from './or-skip.ts'
import { ownAccount } from './own-accounts.ts'
import { ownPost, type PostCursor, postCursor } from './own-post.ts'
import type { OfProfileCursor } from './stories.ts'
import type { Graph } from './upstream.ts'

export interface InsightsCursor extends PostCursor {
  kind: string
}

const ofAll = ['reach', 'shares', 'total_interactions', 'views']
const ofLasting = [...ofAll, 'comments', 'likes', 'reposts', 'saved']
const ofVisits = ['follows', 'profile_activity', 'profile_visits']

/** By product (upstreams/instagram.md, A4); those of albums' children there are none of. */
const metricsOf: Record<string, readonly string[]> = {
  post: [...ofLasting, ...ofVisits],
  reel: [
    ...ofLasting,
    'ig_reels_avg_watch_time',
    'ig_reels_video_view_total_time',
    'reels_skip_rate',
  ],
  story: [...ofAll, ...ofVisits, 'navigation', 'replies'],
}

/** The insights of one's own post: one record, or none where there is no data yet. */
export async function postInsightsPage(
  graph: Graph,
  cursor: InsightsCursor,
  tools: ExtractTools,
): Promise<Page<InsightsCursor>> {
  const { id, media } = await ownPost(graph, cursor, 'insights', tools)
  const metrics = metricsOf[cursor.kind] ?? ofAll
  // 10 is also the word for too few viewers of a story (A3).
  const insights = await orSkip(
    askMetrics(graph, id, metrics, {}, tools),
    'the post is not there any more',
  )
  return { records: insights.length > 0 ? [{ media, insights }] : [], next: null }
}

export function postInsightsSeed({ kind, ...post }: PostRead & { kind: string }): StreamSeed {
  const cursor: InsightsCursor = { ...postCursor(post), kind }
  return { subject: post.externalId, cursor }
}

/** What goes into one request: the new metrics come as one total, some of the old only by day or for all time (A4). */
const ofAccount: { metrics: string[]; more: Record<string, string> }[] = [
  { metrics: ['reach', 'follower_count'], more: { period: 'day' } },
  {
    metrics: ['views', 'accounts_engaged', 'total_interactions'],
    more: { period: 'day', metric_type: 'total_value' },
  },
  { metrics: ['online_followers'], more: { period: 'lifetime' } },
  {
    metrics: ['follower_demographics'],
    more: { period: 'lifetime', metric_type: 'total_value', breakdown: 'country' },
  },
]

/** The insights of one's own account, as one record: a later one of the same profile replaces it. */
export async function profileInsightsPage(
  graph: Graph,
  { username }: OfProfileCursor,
  tools: ExtractTools,
): Promise<Page<OfProfileCursor>> {
  const own = await ownAccount(graph, username, tools)
  if (!own) throw new Skipped('the official API gives insights of one’s own accounts only')
  const insights: unknown[] = []
  let refused: GraphFault | undefined
  for (const { metrics, more } of ofAccount) {
    try {
      insights.push(...(await askMetrics(graph, own.id, metrics, more, tools)))
    } catch (error) {
      // Some are there for large accounts only: the others are worth having.
      const isPart =
        error instanceof GraphFault && ['forbidden', 'bad_request'].includes(error.kind)
      if (!isPart) throw error
      refused = error
    }
  }
  if (insights.length > 0) return { records: [{ profile_id: own.id, insights }], next: null }
  if (refused) throw new Skipped(`not permitted: ${refused.message}`)
  return { records: [], next: null }
}
