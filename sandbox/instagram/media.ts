import { drawAmount, giantShare } from './amounts.ts'
import { hashOf, realm, roll, share } from './hash.ts'
import { mediaPk, type MediaPlace, placeOfMediaPk } from './ids.ts'
import { isGiant, type Profile, profileOf } from './users.ts'
import { variant, type World } from './world.ts'

/** `photo`, `video` and `album` stand in the feed only; `clip` is a reel that doesn't. */
export type MediaKind =
  | 'photo'
  | 'video'
  | 'igtv'
  | 'album'
  | 'reel'
  | 'clip'
  | 'storyPhoto'
  | 'storyVideo'

export type Media = MediaPlace & {
  profile: Profile
  hash: number
  pk: string
  kind: MediaKind
  /** Unix seconds. */
  takenAt: number
  /** A clips-only reel that is shown to strangers first; the official API doesn't list it. */
  isTrial: boolean
  /** Top-level comments the world was made with. */
  baseComments: number
  /** Whether some of them have replies: not the giant's, whose comments are counted out. */
  hasReplies: boolean
}

const kinds: Record<MediaKind, { type: 1 | 2 | 8; product: string }> = {
  photo: { type: 1, product: 'feed' },
  video: { type: 2, product: 'feed' },
  igtv: { type: 2, product: 'igtv' },
  album: { type: 8, product: 'carousel_container' },
  reel: { type: 2, product: 'clips' },
  clip: { type: 2, product: 'clips' },
  storyPhoto: { type: 1, product: 'story' },
  storyVideo: { type: 2, product: 'story' },
}

export const mediaType = ({ kind }: Media): 1 | 2 | 8 => kinds[kind].type
export const productType = ({ kind }: Media): string => kinds[kind].product
export const isVideo = (media: Media): boolean => mediaType(media) === 2

/** The post in a slot of the feed, or the clips-only reel beside it; undefined if there is none. */
export function mediaAt(
  world: World,
  profile: Profile,
  slot: number,
  which: 0 | 1,
): Media | undefined {
  if (slot < 0 || slot >= profile.slots) return undefined
  const { seed } = world.options
  const changed = world.profiles.get(profile.user)
  const hash = hashOf(seed, realm.media, profile.user, slot, which)
  const added = changed?.posts[slot - profile.basePosts]
  const kind =
    slot < profile.basePosts ? baseKind(world, hash, which) : addedKind(added, hash, which)
  if (kind === undefined) return undefined
  const pk = mediaPk(seed, { user: profile.user, slot, variant: which })
  if (changed?.deleted.has(pk) === true) return undefined
  return {
    user: profile.user,
    slot,
    variant: which,
    profile,
    hash,
    pk,
    kind,
    takenAt: added?.at ?? baseTime(world, profile, slot, which, hash),
    isTrial: kind === 'clip' && hash % 2 === 0,
    hasReplies: !isGiant(world, profile.user),
    baseComments: added === undefined ? baseCommentsOf(world, profile, slot, which, hash) : 0,
  }
}

/** The medium of a pk, whoever may see it: a post or reel, not a story. */
export function postOfPk(world: World, pk: string): Media | undefined {
  const place = placeOfMediaPk(world.options.seed, pk)
  if (place === null || place.user >= world.options.profiles) return undefined
  if (place.variant !== variant.feed && place.variant !== variant.clips) return undefined
  return mediaAt(world, profileOf(world, place.user), place.slot, place.variant)
}

function baseKind(world: World, hash: number, which: 0 | 1): MediaKind | undefined {
  const { reels, clipsOnly } = world.options
  if (which === 1) return share(hash, 40) < clipsOnly ? 'clip' : undefined
  if (share(hash, 41) < reels) return 'reel'
  const place = share(hash, 42)
  if (place < 0.5) return 'photo'
  if (place < 0.9) return 'album'
  return place < 0.97 ? 'video' : 'igtv'
}

function addedKind(
  added: { what: 'post' | 'reel' | 'clip' } | undefined,
  hash: number,
  which: 0 | 1,
): MediaKind | undefined {
  if (added === undefined || (added.what === 'clip') !== (which === 1)) return undefined
  if (added.what === 'post') return share(hash, 42) < 0.6 ? 'photo' : 'album'
  return added.what
}

/** Within a profile a later slot is later, and the clips-only reel is later than its slot's post. */
function baseTime(
  world: World,
  profile: Profile,
  slot: number,
  which: 0 | 1,
  hash: number,
): number {
  const { basePosts, stepSeconds: step } = profile
  const start = world.options.now - (basePosts - slot) * step
  return start + (which === 1 ? Math.floor(step * 0.9) : roll(hash, 43, Math.floor(step * 0.8)))
}

function baseCommentsOf(
  world: World,
  profile: Profile,
  slot: number,
  which: 0 | 1,
  hash: number,
): number {
  const { giant, commentsPerPost } = world.options
  if (giant !== null && isGiant(world, profile.user)) {
    return which === 1 ? 0 : giantShare(giant.comments, giant.posts, slot)
  }
  if (bornWithoutComments(hash)) return 0
  return Math.min(2_000_000, drawAmount(commentsPerPost, hash, 44))
}

/** One post in twenty-five never had any: its owner turned them off. */
export const bornWithoutComments = (hash: number): boolean => share(hash, 46) < 0.04
