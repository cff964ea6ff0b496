import { drawAmount } from './amounts.ts'
import { hashOf, pickBy, realm, roll } from './hash.ts'
import { highlightPk, mediaPk, placeOfHighlight } from './ids.ts'
import type { Media } from './media.ts'
import { type Profile, profileOf } from './users.ts'
import { highlightTitles } from './words.ts'
import { variant, type World } from './world.ts'

export const DAY = 86_400

/** Stories of the last 24 hours before `now`, the oldest first, as an app plays them. */
export function storiesOf(world: World, profile: Profile, now: number): Media[] {
  const { options } = world
  const base = profile.user < options.profiles ? drawAmount(options.stories, profile.hash, 80) : 0
  const added = world.profiles.get(profile.user)?.stories ?? []
  const deleted = world.profiles.get(profile.user)?.deleted
  return Array.from({ length: base + added.length }, (_, slot) => {
    // A minute inside the day, so that the first is not over when the last is read.
    const usual = options.now - DAY + 60 + Math.floor(((slot + 0.5) / base) * (DAY - 120))
    return itemOf(world, profile, slot, variant.story, added[slot - base] ?? usual)
  }).filter(({ pk, takenAt }) => takenAt > now - DAY && deleted?.has(pk) !== true)
}

export type Highlight = {
  profile: Profile
  pk: string
  title: string
  /** Unix seconds. */
  createdAt: number
  isPinned: boolean
  items: Media[]
}

export function highlightCount(world: World, { user, hash }: Profile): number {
  const { profiles, highlights } = world.options
  return user < profiles ? drawAmount(highlights, hash, 82) : 0
}

export function highlightAt(world: World, profile: Profile, position: number): Highlight {
  const { seed, now } = world.options
  const hash = hashOf(seed, realm.highlight, profile.user, position)
  const createdAt = now - DAY * (5 + roll(hash, 83, 900))
  const items = Array.from({ length: 1 + roll(hash, 84, 8) }, (_, n) =>
    itemOf(world, profile, position * 10 + n, variant.highlight, createdAt + n * 3600),
  )
  return {
    profile,
    pk: highlightPk(seed, profile.user, position),
    title: pickBy(hash, 85, highlightTitles),
    createdAt,
    isPinned: position === 0,
    items,
  }
}

/** By its pk, with or without `highlight:` before it. */
export function highlightOfPk(world: World, id: string): Highlight | undefined {
  const place = placeOfHighlight(world.options.seed, id.replace(/^highlight:/, ''))
  if (place === null || place.user >= world.options.profiles) return undefined
  const profile = profileOf(world, place.user)
  if (place.position >= highlightCount(world, profile)) return undefined
  return highlightAt(world, profile, place.position)
}

function itemOf(
  world: World,
  profile: Profile,
  slot: number,
  which: 2 | 3,
  takenAt: number,
): Media {
  const { seed } = world.options
  const hash = hashOf(seed, realm.media, profile.user, slot, which)
  return {
    user: profile.user,
    slot,
    variant: which,
    profile,
    hash,
    pk: mediaPk(seed, { user: profile.user, slot, variant: which }),
    kind: roll(hash, 86, 3) === 0 ? 'storyVideo' : 'storyPhoto',
    takenAt,
    isTrial: false,
    baseComments: 0,
    hasReplies: false,
  }
}
