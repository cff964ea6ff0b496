import { children } from '../album.ts'
import { isVideo, type Media, mediaType, productType } from '../media.ts'
import { captionOf, shortcode } from '../post-facts.ts'
import { personJson } from './tell-users.ts'
import { coauthors, countsJson, fileJson, locationJson, taggedUsers } from './tell-media.ts'
import type { Visit } from './visit.ts'

/** The app's own form, as v2 passes it on: epoch seconds, a caption of its own, candidates. */
export function rawMediaJson(visit: Visit, media: Media) {
  const { pk, hash, takenAt } = media
  const tags = taggedUsers(visit, media)
  const candidates = fileJson(visit, media)
  return {
    pk: visit.tell(pk, hash),
    id: `${pk}_${media.profile.pk}`,
    code: shortcode(media),
    taken_at: takenAt,
    media_type: mediaType(media),
    product_type: productType(media),
    user: personJson(visit, media.profile),
    caption: captionJson(visit, media),
    ...countsJson(visit, media),
    has_liked: false,
    location: locationJson(media),
    ...(tags.length > 0 && {
      usertags: { in: tags.map((user) => ({ user, position: [0.5, 0.25] })) },
    }),
    coauthor_producers: coauthors(visit, media),
    image_versions2: { candidates: candidates.image_versions },
    ...(isVideo(media) && {
      video_versions: candidates.video_versions,
      video_duration: candidates.video_duration,
    }),
    ...(mediaType(media) === 8 && { carousel_media: children(media).map(child) }),
  }

  function child({ pk: childId, isVideo: isFilm }: { pk: string; isVideo: boolean }) {
    const file = fileJson(visit, media, childId, isFilm)
    return {
      pk: visit.tell(childId, hash),
      id: `${childId}_${media.profile.pk}`,
      media_type: isFilm ? 2 : 1,
      product_type: 'carousel_item',
      image_versions2: { candidates: file.image_versions },
      ...(isFilm && { video_versions: file.video_versions }),
    }
  }
}

/** null where there is no caption. */
export function captionJson(visit: Visit, media: Media) {
  const text = captionOf(visit.world, media)
  if (text === '') return null
  return {
    pk: visit.tell(`17${media.pk.slice(-15)}`, media.hash),
    text,
    user_id: visit.tell(media.profile.pk, media.hash),
    media_id: visit.tell(media.pk, media.hash),
    created_at: media.takenAt,
    created_at_utc: media.takenAt,
    content_type: 'comment',
    status: 'Active',
  }
}
