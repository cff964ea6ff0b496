import { children, type Child } from '../album.ts'
import { share } from '../hash.ts'
import { graphMediaId, graphUserId } from '../ids.ts'
import { isVideo, type Media, mediaType } from '../media.ts'
import { captionOf, commentCounts, commentsOff, likesHidden, shortcode } from '../post-facts.ts'
import { likeCountOf, playCountOf } from '../metrics.ts'
import { commentsEdge } from './comment-node.ts'
import { askedByField, edgePage } from './edge.ts'
import { type Field, parseFields } from './fields.ts'
import { type Node, project } from './project.ts'
import { graphTime } from './time.ts'
import type { Visit } from './visit.ts'

const absent = () => undefined

const types = { 1: 'IMAGE', 2: 'VIDEO', 8: 'CAROUSEL_ALBUM' } as const

export function mediaProduct({ kind }: Media): 'FEED' | 'REELS' | 'STORY' {
  if (kind === 'reel' || kind === 'clip') return 'REELS'
  return kind === 'storyPhoto' || kind === 'storyVideo' ? 'STORY' : 'FEED'
}

/** IG Media: upstreams/instagram.md, A2. `isOwn` = read by its owner, not through discovery. */
export function mediaNode(visit: Visit, media: Media, isOwn: boolean): Node {
  const { world, sign } = visit
  const { pk, profile } = media
  const isFilm = isVideo(media)
  const code = shortcode(media)
  const path = mediaProduct(media) === 'REELS' ? 'reel' : 'p'
  return {
    type: 'IGMedia',
    id: graphMediaId(pk),
    fields: {
      caption: () => captionOf(world, media) || undefined,
      comments_count: () => commentCounts(world, media).all,
      like_count: () => (!isOwn && likesHidden(media) ? undefined : likeCountOf(world, media)),
      media_type: () => types[mediaType(media)],
      media_product_type: () => mediaProduct(media),
      media_url: () => (hasUrl(media, isOwn) ? sign(`${isFilm ? 't50' : 't51'}/${pk}`) : undefined),
      thumbnail_url: () => (isFilm ? sign(`t51/${pk}_thumb.jpg`) : undefined),
      permalink: () => `https://www.instagram.com/${path}/${code}/`,
      shortcode: () => code,
      timestamp: () => graphTime(media.takenAt),
      username: () => profile.username,
      owner: () => (isOwn ? { id: graphUserId(world.options.seed, profile.user) } : undefined),
      is_comment_enabled: () => !commentsOff(world, media),
      is_shared_to_feed: () =>
        mediaProduct(media) === 'REELS' ? media.kind === 'reel' : undefined,
      children: (field) => childrenOf(visit, media, field),
      view_count: () => playCountOf(world, media) ?? undefined,
      comments: (field) =>
        isOwn && commentCounts(world, media).top > 0
          ? edgePage(visit, commentsEdge(visit, media), askedByField(field))
          : undefined,
    },
  }
}

/** Absent for a film that infringes a copyright, and for others' reels not to be downloaded (A2). */
function hasUrl(media: Media, isOwn: boolean): boolean {
  if (!isVideo(media)) return true
  if (share(media.hash, 120) < 0.03) return false
  return isOwn || mediaProduct(media) !== 'REELS' || share(media.hash, 121) >= 0.2
}

export function childrenOf(visit: Visit, media: Media, field: Pick<Field, 'fields'>) {
  if (mediaType(media) !== 8) return undefined
  const fields = field.fields.length > 0 ? field.fields : parseFields('id')
  return { data: children(media).map((child) => project(childNode(visit, child, media), fields)) }
}

/** Has no caption, likes or permalink of its own: known fields, always absent (A1). */
function childNode({ sign }: Visit, { pk, isVideo: isFilm }: Child, media: Media): Node {
  return {
    type: 'IGMedia',
    id: graphMediaId(pk),
    fields: {
      media_type: () => (isFilm ? 'VIDEO' : 'IMAGE'),
      media_url: () => sign(`${isFilm ? 't50' : 't51'}/${pk}`),
      thumbnail_url: () => (isFilm ? sign(`t51/${pk}_thumb.jpg`) : undefined),
      timestamp: () => graphTime(media.takenAt),
      caption: absent,
      like_count: absent,
      comments_count: absent,
      permalink: absent,
      shortcode: absent,
    },
  }
}
