import { roll, share } from '../hash.ts'
import { graphMediaId, graphUserId } from '../ids.ts'
import type { Media } from '../media.ts'
import { commentCounts } from '../post-facts.ts'
import { likeCountOf, playCountOf } from '../metrics.ts'
import { DAY } from '../stories.ts'
import { refuse } from './errors.ts'
import { mediaProduct } from './media-node.ts'
import type { Visit } from './visit.ts'

/** upstreams/instagram.md, A4. */
const metricsOf = {
  FEED: 'comments,follows,likes,profile_activity,profile_visits,reach,reposts,saved,shares,total_interactions,views',
  REELS:
    'comments,ig_reels_avg_watch_time,ig_reels_video_view_total_time,likes,reach,reels_skip_rate,reposts,saved,shares,total_interactions,views',
  STORY:
    'follows,navigation,profile_activity,profile_visits,reach,replies,shares,total_interactions,views',
} as const

export function askedMetrics({ params }: Visit, known: string): string[] {
  const asked = (params.get('metric') ?? '').split(',').map((name) => name.trim())
  const wrong = asked.findIndex((name) => !known.split(',').includes(name))
  if (wrong < 0) return asked
  const message = `(#100) metric[${wrong}] must be one of the following values: ${known.replaceAll(',', ', ')}`
  return refuse(100, undefined, message)
}

/**
 * Of one's own medium. Empty for what is too young or has none; a story that too few saw is error
 * 10. All by the seed, so that a client meets each of them.
 */
export function mediaInsights(visit: Visit, media: Media) {
  const product = mediaProduct(media)
  const names = askedMetrics(visit, metricsOf[product])
  const viewers = roll(media.hash, 130, 60)
  if (product === 'STORY' && viewers < 5) {
    return refuse(10, undefined, '(#10) Not enough viewers for the media to show insights')
  }
  const isDelayed = product !== 'STORY' && media.takenAt > visit.now - 2 * DAY
  if (isDelayed || share(media.hash, 131) < 0.1) return { data: [] }
  const id = graphMediaId(media.pk)
  return {
    data: names.map((name) => ({
      name,
      period: 'lifetime',
      values: [{ value: valueOf(visit, media, name) }],
      title: titleOf(name),
      description: `The ${titleOf(name).toLowerCase()} of the media.`,
      id: `${id}/insights/${name}/lifetime`,
    })),
  }
}

function valueOf({ world }: Visit, media: Media, name: string): number {
  const likes = likeCountOf(world, media)
  const comments = commentCounts(world, media).all
  if (name === 'likes') return likes
  if (name === 'comments') return comments
  if (name === 'views') return playCountOf(world, media) ?? likes * 7
  if (name === 'reach') return likes * 5 + comments
  return roll(media.hash, name.length, 50 + likes)
}

export const titleOf = (name: string): string =>
  (name[0] ?? '').toUpperCase() + name.slice(1).replaceAll('_', ' ')

export const insightsId = (visit: Visit, user: number): string =>
  graphUserId(visit.world.options.seed, user)
