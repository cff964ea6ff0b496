import { userOfPk } from '../ids.ts'
import { type Media, postOfPk } from '../media.ts'
import { commentsOff } from '../post-facts.ts'
import { type Profile, profileOf } from '../users.ts'
import type { World } from '../world.ts'
import { mediaNotFound, privateAccount, refuse, userNotFound } from './refusal.ts'

/** The profile of that pk; gone or never there: 404. A private one is found. */
export function profileOfPk(world: World, pk: string): Profile {
  const user = userOfPk(world.options.seed, pk)
  if (user === null || user >= world.users) return userNotFound()
  return existing(profileOf(world, user))
}

export function existing(profile: Profile): Profile {
  return profile.status === 'gone' ? userNotFound() : profile
}

/** Whose lists may be read: a private one is a 403 (upstreams/instagram.md, B3). */
export function publicProfileOfPk(world: World, pk: string): Profile {
  const profile = profileOfPk(world, pk)
  return profile.status === 'private' ? privateAccount() : profile
}

/** By `<pk>` or `<pk>_<userpk>`. */
export function publicPost(world: World, id: string): Media {
  const media = postOfPk(world, id.split('_', 1)[0] ?? '')
  if (media === undefined || media.profile.status === 'gone') return mediaNotFound()
  return media.profile.status === 'private' ? privateAccount() : media
}

export function commentedPost(world: World, id: string): Media {
  const media = publicPost(world, id)
  if (commentsOff(world, media)) refuse(403, 'CommentsDisabled', 'Comments are disabled')
  return media
}
