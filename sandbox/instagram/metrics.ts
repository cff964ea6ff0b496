import { share } from './hash.ts'
import { isVideo, type Media } from './media.ts'
import { likersCount } from './people.ts'
import type { World } from './world.ts'

/** Users that the list of likers gives. */
export function likersListed(world: World, { hash, pk }: Media): number {
  return likersCount(world.options.likers, hash) + (world.media.get(pk)?.likers ?? 0)
}

/** Many likes are more than the list of likers shows. */
export function likeCountOf(world: World, media: Media): number {
  const changed = world.media.get(media.pk)
  const listed = likersCount(world.options.likers, media.hash)
  const base = listed < 20 ? listed : listed * (1 + (media.hash % 20))
  return (changed?.likeCount ?? base) + (changed?.likers ?? 0)
}

/** null for what does not play. */
export function playCountOf(world: World, media: Media): number | null {
  if (!isVideo(media)) return null
  const changed = world.media.get(media.pk)?.playCount
  return changed ?? likeCountOf(world, media) * 9 + Math.floor(share(media.hash, 51) * 5000)
}
