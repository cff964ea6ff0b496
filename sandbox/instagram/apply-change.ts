import type { Random } from '../random.ts'
import { applyToMedia, isOfMedia } from './apply-to-media.ts'
import type { Applied, Change } from './change-schema.ts'
import { chooseProfile } from './choose.ts'
import { mediaPk } from './ids.ts'
import { peopleTotal } from './people.ts'
import type { Profile } from './users.ts'
import { changesOfMedia, changesOfProfile, variant, type World } from './world.ts'

/** Makes one change. `clock` is unix seconds: what is new is stamped with it. */
export function applyChange(world: World, change: Change, random: Random, clock: number): Applied {
  world.changes++
  if (isOfMedia(change)) return applyToMedia(world, change, random, clock)
  const profile = chooseProfile(world, change.profile, random)
  if (profile === undefined) return { op: change.op, skipped: 'no such profile' }
  return { op: change.op, profile: profile.pk, ...applyToProfile(world, change, profile, clock) }
}

type ProfileChange = Exclude<Change, { media?: string | undefined }>

function applyToProfile(
  world: World,
  change: ProfileChange,
  profile: Profile,
  clock: number,
): Partial<Applied> {
  const changes = changesOfProfile(world, profile.user)
  switch (change.op) {
    case 'newPost':
      return addPost(world, change, profile, clock)
    case 'newStory':
      changes.stories.push(change.at ?? clock)
      return {}
    case 'newFollower':
      if (peopleTotal(world, profile, 'followers') >= world.users - 1) {
        return { skipped: 'everyone follows already' }
      }
      changes.followers++
      return {}
    case 'lostFollower':
      return loseFollower(world, profile)
    case 'editProfile':
      return editProfile(world, change, profile)
  }
  throw new Error('every operation is named above')
}

function addPost(
  world: World,
  change: Extract<Change, { op: 'newPost' }>,
  profile: Profile,
  clock: number,
): Partial<Applied> {
  const { user, slots } = profile
  if (slots >= 250_000) return { skipped: 'the profile is full' }
  changesOfProfile(world, user).posts.push({ at: change.at ?? clock, what: change.what })
  const which = change.what === 'clip' ? variant.clips : variant.feed
  const pk = mediaPk(world.options.seed, { user, slot: slots, variant: which })
  if (change.caption !== undefined) changesOfMedia(world, pk).caption = change.caption
  return { pk }
}

/** The newest one leaves. */
function loseFollower(world: World, profile: Profile): Partial<Applied> {
  const { lostFollowers } = changesOfProfile(world, profile.user)
  for (let n = peopleTotal(world, profile, 'followers') - 1; n >= 0; n--) {
    if (lostFollowers.has(n)) continue
    lostFollowers.add(n)
    return {}
  }
  return { skipped: 'nobody follows' }
}

function editProfile(
  world: World,
  { username, fullName, biography, status }: Extract<Change, { op: 'editProfile' }>,
  profile: Profile,
): Partial<Applied> {
  const changes = changesOfProfile(world, profile.user)
  if (username !== undefined) {
    world.renamed.delete(profile.username)
    world.renamed.set(username, profile.user)
    changes.username = username
  }
  if (fullName !== undefined) changes.fullName = fullName
  if (biography !== undefined) changes.biography = biography
  if (status !== undefined) changes.status = status
  return {}
}
