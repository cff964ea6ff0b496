import { placeOfComment } from '../comment-ids.ts'
import { type Comment, commentAt, replyAt, type Thread, threadOf } from '../comments.ts'
import { placeOfMediaPk, pkOfGraphMediaId, userOfGraphId } from '../ids.ts'
import { type Media, mediaAt, postOfPk } from '../media.ts'
import { storiesOf } from '../stories.ts'
import { type Profile, profileOf } from '../users.ts'
import { variant } from '../world.ts'
import { refuse, unknownObject } from './errors.ts'
import { isProfessional, ownedBy } from './owned.ts'
import type { Visit } from './visit.ts'

export type Found =
  | { kind: 'user'; profile: Profile }
  | { kind: 'media'; media: Media }
  | { kind: 'comment'; thread: Thread; comment: Comment; parent: Comment | null }

/** What an id names. Others' objects are error 10, unknown ones 100 with subcode 33. */
export function findObject(visit: Visit, id: string): Found {
  const found = findAnyones(visit, id)
  if (found === undefined) return unknownObject(id)
  const profile = ownerOf(found)
  if (profile.status === 'gone' || !isProfessional(profile)) return unknownObject(id)
  return ownedBy(visit.world, visit.token).includes(profile.user) ? found : refuse(10)
}

function ownerOf(found: Found): Profile {
  if (found.kind === 'user') return found.profile
  return found.kind === 'media' ? found.media.profile : found.thread.media.profile
}

function findAnyones(visit: Visit, id: string): Found | undefined {
  const { world } = visit
  const user = userOfGraphId(world.options.seed, id)
  if (user !== null && user < world.options.profiles) {
    return { kind: 'user', profile: profileOf(world, user) }
  }
  return findMedia(visit, id) ?? findComment(visit, id)
}

function findMedia(visit: Visit, id: string): Found | undefined {
  const { world, now } = visit
  if (!/^1\d{18}$/.test(id)) return undefined
  const pk = pkOfGraphMediaId(id)
  const place = placeOfMediaPk(world.options.seed, pk)
  if (place !== null && place.variant === variant.story && place.user < world.options.profiles) {
    const stories = storiesOf(world, profileOf(world, place.user), now)
    const story = stories.find((one) => one.pk === pk)
    return story && { kind: 'media', media: story }
  }
  const media = postOfPk(world, pk)
  return media && { kind: 'media', media }
}

function findComment({ world }: Visit, id: string): Found | undefined {
  const place = placeOfComment(id)
  if (place === null || place.user >= world.options.profiles) return undefined
  const which = place.variant === 1 ? variant.clips : variant.feed
  const media = mediaAt(world, profileOf(world, place.user), place.slot, which)
  if (media === undefined) return undefined
  const thread = threadOf(world, media)
  const comment = commentAt(world, thread, place.position)
  if (comment === undefined) return undefined
  if (place.reply === null) return { kind: 'comment', thread, comment, parent: null }
  if (place.reply >= comment.replyCount) return undefined
  return {
    kind: 'comment',
    thread,
    comment: replyAt(world, thread, comment, place.reply),
    parent: comment,
  }
}
