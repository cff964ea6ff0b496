import { hashOf, realm, roll, share } from './hash.ts'
import { type Media, mediaAt } from './media.ts'
import { isGiant, type Profile } from './users.ts'
import type { World } from './world.ts'

/**
 * `feed`: the grid. `clips`: every reel, those in the feed and those not. `official`: what the
 * official API lists: feed and clips, without trial reels. `all`: everything, for the state.
 */
export type MediaList = 'feed' | 'clips' | 'official' | 'all'

/** Where a medium stands in every list of its profile: greater is newer. */
export const placeInList = ({ slot, variant }: Media): number => slot * 2 + variant

/** The newest first; `below` is the place of the last one seen, null = from the top with pinned ones. */
export function* listed(
  world: World,
  profile: Profile,
  list: MediaList,
  below: number | null,
): Generator<Media> {
  const pinned = list === 'feed' ? pinnedSlots(world, profile) : []
  if (below === null) {
    for (const slot of pinned) {
      const media = mediaAt(world, profile, slot, 0)
      if (media !== undefined) yield media
    }
  }
  const top = profile.slots * 2
  for (let place = Math.min(below ?? top, top) - 1; place >= 0; place--) {
    const inFeed = place % 2 === 0
    if (list === 'feed' && (!inFeed || pinned.includes(place / 2))) continue
    const media = mediaAt(world, profile, Math.floor(place / 2), inFeed ? 0 : 1)
    if (media !== undefined && belongs(media, list)) yield media
  }
}

function belongs({ kind, isTrial }: Media, list: MediaList): boolean {
  if (list === 'clips') return kind === 'reel' || kind === 'clip'
  return list !== 'official' || !isTrial
}

/** Old posts that stand before the newest: up to three, in two profiles of five (B1). */
export function pinnedSlots(world: World, { user, hash, basePosts }: Profile): number[] {
  const has = isGiant(world, user) || share(hash, 70) < 0.4
  if (basePosts < 10 || !has) return []
  const old = Math.floor(basePosts / 2)
  const drawn = Array.from({ length: 1 + roll(hash, 71, 3) }, (_, n) =>
    roll(hashOf(world.options.seed, realm.media, user, n, 7), 72, old),
  )
  return [...new Set(drawn)]
}
