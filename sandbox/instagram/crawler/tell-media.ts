import { roll, share } from '../hash.ts'
import { type Child, children } from '../album.ts'
import { digits } from '../ids.ts'
import { isVideo, type Media, mediaType, productType } from '../media.ts'
import {
  captionOf,
  commentCounts,
  commentsOff,
  likesHidden,
  locationOf,
  shortcode,
} from '../post-facts.ts'
import { likeCountOf, playCountOf } from '../metrics.ts'
import { personOf } from '../users.ts'
import { placeNames } from '../words.ts'
import { personJson } from './tell-users.ts'
import type { Visit } from './visit.ts'

/** `2026-01-05T08:00:00Z`. */
export const isoTime = (seconds: number): string =>
  `${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`

/** Media of v1 (upstreams/instagram.md, B2). */
export function mediaJson(visit: Visit, media: Media) {
  const { pk, hash, takenAt } = media
  return {
    pk: visit.settings.ids === 'number' ? visit.tell(pk, 0) : pk,
    id: `${pk}_${media.profile.pk}`,
    code: shortcode(media),
    taken_at: isoTime(takenAt),
    taken_at_ts: takenAt,
    media_type: mediaType(media),
    product_type: productType(media),
    user: personJson(visit, media.profile),
    caption_text: captionOf(visit.world, media),
    ...countsJson(visit, media),
    comments_disabled: commentsOff(visit.world, media),
    has_liked: false,
    title: '',
    accessibility_caption: null,
    is_paid_partnership: roll(hash, 100, 40) === 0,
    location: locationJson(media),
    usertags: taggedUsers(visit, media).map((user) => ({ user, x: 0.5, y: 0.25 })),
    sponsor_tags: [],
    coauthor_producers: coauthors(visit, media),
    ...fileJson(visit, media),
    resources:
      mediaType(media) === 8 ? children(media).map((child) => childJson(visit, media, child)) : [],
  }
}

export function countsJson({ world }: Visit, media: Media) {
  const plays = playCountOf(world, media)
  return {
    like_count: likesHidden(media)
      ? Math.min(3, likeCountOf(world, media))
      : likeCountOf(world, media),
    comment_count: commentCounts(world, media).all,
    play_count: plays,
    view_count: plays === null ? 0 : plays - (plays % 7),
    like_and_view_counts_disabled: likesHidden(media),
  }
}

/** What the pixels are: an album has none of its own but its first child's. */
export function fileJson(visit: Visit, media: Media, pk = media.pk, isFilm = isVideo(media)) {
  const photo = (width: number) => ({
    url: visit.sign(`t51.29350-15/${pk}_w${width}.jpg`),
    width,
    height: Math.floor(width * 1.25),
  })
  return {
    thumbnail_url: photo(1080).url,
    image_versions: [photo(1080), photo(320)],
    video_url: isFilm ? visit.sign(`t50.2886-16/${pk}.mp4`) : null,
    video_versions: isFilm
      ? [{ url: visit.sign(`t50.2886-16/${pk}.mp4`), width: 720, height: 1280, type: 101 }]
      : [],
    video_duration: isFilm ? 5 + roll(media.hash, 101, 850) / 10 : 0,
  }
}

function childJson(visit: Visit, media: Media, child: Child) {
  const { video_duration: _, ...file } = fileJson(visit, media, child.pk, child.isVideo)
  return {
    pk: child.pk,
    id: `${child.pk}_${media.profile.pk}`,
    media_type: child.isVideo ? 2 : 1,
    product_type: 'carousel_item',
    taken_at: isoTime(media.takenAt),
    ...file,
  }
}

export function locationJson(media: Media) {
  const name = locationOf(media, placeNames)
  return name === null
    ? null
    : { pk: Number(`2${digits(media.hash, 10)}`), name, lat: 55.7, lng: 37.6 }
}

export function taggedUsers(visit: Visit, { hash }: Media) {
  if (share(hash, 113) >= 0.15) return []
  return [personJson(visit, personOf(visit.world, (hash >>> 3) % visit.world.users))]
}

export function coauthors(visit: Visit, { hash }: Media) {
  if (share(hash, 114) >= 0.05) return []
  return [personJson(visit, personOf(visit.world, (hash >>> 5) % visit.world.users))]
}
