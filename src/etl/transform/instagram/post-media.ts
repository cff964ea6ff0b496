import { type Medium, type MediumFile, timeOf } from './medium.ts'

export type MediaType = 'photo' | 'video' | 'album'

/** A row of `post_media`; its position is its place in the list. */
export interface PostMedium {
  external_id: string | undefined
  media_type: Exclude<MediaType, 'album'>
  url: string | undefined
  thumbnail_url: string | undefined
  width: number | undefined
  height: number | undefined
  duration_s: number | undefined
}

const types: Record<string, MediaType> = {
  1: 'photo',
  2: 'video',
  8: 'album',
  IMAGE: 'photo',
  VIDEO: 'video',
  CAROUSEL_ALBUM: 'album',
}

export const mediaTypeOf = (told: string | number | undefined): MediaType | undefined =>
  types[String(told)]

/** Every medium of an album, the one of what is none. Undefined where an album does not tell them (A: asked without `children`). */
export function mediaOf(told: Medium, type: MediaType): PostMedium[] | undefined {
  if (type !== 'album') return [filesOf(told, type)]
  const all = [told.carousel_media, told.resources, told.children?.data]
  return all.find((list) => list !== undefined && list.length > 0)?.map(childOf)
}

function childOf(child: MediumFile): PostMedium {
  const type = mediaTypeOf(child.media_type)
  const isFilm = child.video_url !== undefined || (child.video_versions?.length ?? 0) > 0
  return filesOf(child, type === 'video' || isFilm ? 'video' : 'photo')
}

function filesOf(told: MediumFile, type: PostMedium['media_type']): PostMedium {
  const picture = widest(told.image_versions2?.candidates ?? told.image_versions)
  const pictureUrl = picture?.url ?? told.thumbnail_url
  const film = widest(told.video_versions)
  const isFilm = type === 'video'
  return {
    external_id: told.pk ?? told.id,
    media_type: type,
    url: isFilm ? (film?.url ?? told.video_url ?? told.media_url) : (pictureUrl ?? told.media_url),
    thumbnail_url: isFilm ? pictureUrl : undefined,
    width: (isFilm ? film : undefined)?.width ?? picture?.width,
    height: (isFilm ? film : undefined)?.height ?? picture?.height,
    duration_s: isFilm ? told.video_duration : undefined,
  }
}

type Version = NonNullable<MediumFile['video_versions']>[number]

/** The largest one; they come so as a rule. The first of several as large. */
function widest(versions: readonly Version[] | undefined): Version | undefined {
  return versions?.reduce<Version | undefined>(
    (best, one) =>
      one.url !== undefined && (best === undefined || (one.width ?? 0) > (best.width ?? 0))
        ? one
        : best,
    undefined,
  )
}

const day = 24 * 60 * 60 * 1000

/** v1 does not tell it: a story is there for a day (B2). */
export function expiryOf(told: Medium): string | undefined {
  if (told.expiring_at !== undefined) return told.expiring_at
  const taken = timeOf(told)
  return taken === undefined ? undefined : new Date(Date.parse(taken) + day).toISOString()
}
