import { between, type Random } from '../random.ts'
import { placeOfComment } from './comment-ids.ts'
import { commentAt, threadOf } from './comments.ts'
import { pkOfCode, userOfPk } from './ids.ts'
import { type Media, mediaAt, postOfPk } from './media.ts'
import { type Profile, profileOf, userOfUsername } from './users.ts'
import type { World } from './world.ts'

const TRIES = 200

/** The profile of that name or pk; without one, any public one. */
export function chooseProfile(world: World, name: string | undefined, random: Random) {
  if (name !== undefined) {
    const user = userOfUsername(world, name) ?? userOfPk(world.options.seed, name)
    return user === null || user >= world.options.profiles ? undefined : profileOf(world, user)
  }
  for (let n = 0; n < TRIES; n++) {
    const profile = profileOf(world, between(random, 0, world.options.profiles - 1))
    if (profile.status === 'public') return profile
  }
  return undefined
}

export type MediaChoice = { profile?: string | undefined; media?: string | undefined }

/** The medium of that pk or code; without one, any that fits. */
export function chooseMedia(
  world: World,
  { profile: name, media: id }: MediaChoice,
  random: Random,
  fits: (media: Media) => boolean = () => true,
): Media | undefined {
  if (id !== undefined) {
    const pk = /^\d{19}$/.test(id) ? id : (pkOfCode(id) ?? '')
    const media = postOfPk(world, pk)
    return media !== undefined && fits(media) ? media : undefined
  }
  for (let n = 0; n < TRIES; n++) {
    const profile = chooseProfile(world, name, random)
    const media = profile && anyOf(world, profile, random)
    if (media !== undefined && fits(media)) return media
  }
  return undefined
}

function anyOf(world: World, profile: Profile, random: Random): Media | undefined {
  if (profile.slots === 0) return undefined
  const slot = between(random, 0, profile.slots - 1)
  return mediaAt(world, profile, slot, random() < 0.9 ? 0 : 1)
}

/** The top-level comment of that pk; without one, any that fits. Its position. */
export function chooseComment(
  world: World,
  media: Media,
  pk: string | undefined,
  random: Random,
  fits: (position: number) => boolean = () => true,
): number | undefined {
  const thread = threadOf(world, media)
  const isThere = (n: number) => commentAt(world, thread, n) !== undefined && fits(n)
  if (pk !== undefined) {
    const place = placeOfComment(pk)
    if (place?.reply !== null || place.user !== media.user || place.slot !== media.slot) {
      return undefined
    }
    return isThere(place.position) ? place.position : undefined
  }
  for (let n = 0; n < TRIES && thread.total > 0; n++) {
    const position = between(random, 0, thread.total - 1)
    if (isThere(position)) return position
  }
  return undefined
}
