import { share } from '../hash.ts'
import { type Media, mediaType, productType } from '../media.ts'
import { shortcode } from '../post-facts.ts'
import { DAY, type Highlight } from '../stories.ts'
import { personOf } from '../users.ts'
import { fileJson, isoTime } from './tell-media.ts'
import { rawMediaJson } from './tell-raw-media.ts'
import { personJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

/** Story of v1: no expiry (upstreams/instagram.md, B2). */
export function storyJson(visit: Visit, story: Media) {
  const { pk, hash, takenAt, profile } = story
  const mentioned = share(hash, 115) < 0.3 ? [personOf(visit.world, hash % visit.world.users)] : []
  const { thumbnail_url, video_url, video_duration } = fileJson(visit, story)
  return {
    pk: visit.settings.ids === 'number' ? visit.tell(pk, 0) : pk,
    id: `${pk}_${profile.pk}`,
    code: shortcode(story),
    taken_at: isoTime(takenAt),
    media_type: mediaType(story),
    product_type: productType(story),
    thumbnail_url,
    video_url,
    video_duration,
    user: personJson(visit, profile),
    mentions: mentioned.map((person) => ({ user: personJson(visit, person), x: 0.5, y: 0.5 })),
    links: share(hash, 116) < 0.1 ? [{ webUri: 'https://shop.example/?from=story' }] : [],
    hashtags: [],
    locations: [],
    stickers: [],
    medias: [],
    sponsor_tags: [],
  }
}

export function rawStoryJson(visit: Visit, story: Media) {
  return { ...rawMediaJson(visit, story), expiring_at: story.takenAt + DAY }
}

/** Highlight of v1: its items stand empty, whatever it has. */
export function highlightJson(visit: Visit, highlight: Highlight) {
  const { pk, title, profile, items } = highlight
  return {
    pk,
    id: `highlight:${pk}`,
    title,
    created_at: isoTime(highlight.createdAt),
    is_pinned_highlight: highlight.isPinned,
    media_count: items.length,
    media_ids: [],
    items: [],
    cover_media: coverJson(visit, pk),
    latest_reel_media: items.at(-1)?.takenAt ?? 0,
    user: personJson(visit, profile),
  }
}

/** One of the tray of v2, or with items from `/v2/highlight/by/id`. */
export function rawHighlightJson(visit: Visit, highlight: Highlight, withItems: boolean) {
  const { pk, title, profile, items } = highlight
  return {
    id: `highlight:${pk}`,
    title,
    created_at: highlight.createdAt,
    is_pinned_highlight: highlight.isPinned,
    media_count: items.length,
    reel_type: 'highlight_reel',
    latest_reel_media: items.at(-1)?.takenAt ?? 0,
    cover_media: coverJson(visit, pk),
    user: personJson(visit, profile),
    ...(withItems && { items: items.map((item) => rawMediaJson(visit, item)) }),
  }
}

function coverJson(visit: Visit, pk: string) {
  const url = visit.sign(`t51.12442-15/${pk}_cover.jpg`)
  return { cropped_image_version: { url, width: 150, height: 150 }, media_id: null }
}
