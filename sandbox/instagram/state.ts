import { z } from 'zod'
import { commentAt, replyAt, type Thread, threadOf, topLevel } from './comments.ts'
import { userOfPk } from './ids.ts'
import type { Media } from './media.ts'
import { commentCounts } from './post-facts.ts'
import { listed, pinnedSlots } from './media-lists.ts'
import { likersListed } from './metrics.ts'
import { likersOf, type PeopleKind, personAt, positions } from './people.ts'
import {
  tellComment,
  tellHighlight,
  tellPost,
  tellProfile,
  tellRelation,
  tellStory,
} from './state-rows.ts'
import { highlightAt, highlightCount, storiesOf } from './stories.ts'
import { type Profile, profileOf, userOfUsername } from './users.ts'
import type { World } from './world.ts'

const stateKinds = [
  'profiles',
  'posts',
  'comments',
  'likers',
  'followers',
  'following',
  'stories',
  'highlights',
] as const

export const stateQuerySchema = z.object({
  /** One or several, with commas. Default: all. */
  kind: z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(z.enum(stateKinds)))
    .default([...stateKinds]),
  /** A username or pk. Default: every profile. */
  profile: z.string().optional(),
})

/**
 * Every row that exists and can be read, one at a time: profiles (also those who are private or
 * gone, with `status`), and what stands under the public ones.
 */
export function* tellState(
  world: World,
  { kind, profile: name }: z.output<typeof stateQuerySchema>,
  now: number,
): Generator<object> {
  for (const user of usersNamed(world, name)) {
    const profile = profileOf(world, user)
    if (kind.includes('profiles')) yield tellProfile(world, profile)
    if (profile.status !== 'public') continue
    if (kind.includes('posts')) yield* posts(world, profile)
    if (kind.includes('comments')) yield* comments(world, profile)
    if (kind.includes('likers')) yield* likers(world, profile)
    if (kind.includes('followers')) yield* people(world, profile, 'followers')
    if (kind.includes('following')) yield* people(world, profile, 'following')
    if (kind.includes('stories')) {
      for (const story of storiesOf(world, profile, now)) yield tellStory(story)
    }
    if (kind.includes('highlights')) yield* highlights(world, profile)
  }
}

function* usersNamed(world: World, name: string | undefined): Generator<number> {
  if (name === undefined) {
    for (let user = 0; user < world.options.profiles; user++) yield user
    return
  }
  const user = userOfUsername(world, name) ?? userOfPk(world.options.seed, name)
  if (user !== null && user < world.options.profiles) yield user
}

/** Of the feed and of clips only, each once, the newest first. */
export function* mediaOf(world: World, profile: Profile): Generator<Media> {
  // From a place above the top: so nothing pinned comes first and twice.
  yield* listed(world, profile, 'all', profile.slots * 2)
}

function* posts(world: World, profile: Profile): Generator<object> {
  const pinned = new Set(pinnedSlots(world, profile))
  for (const media of mediaOf(world, profile)) yield tellPost(world, media, pinned)
}

function* comments(world: World, profile: Profile): Generator<object> {
  for (const media of mediaOf(world, profile)) {
    if (commentCounts(world, media).top === 0) continue
    const thread = threadOf(world, media)
    for (const position of topLevel(world, thread, thread.total + 1)) {
      yield* withReplies(world, thread, position)
    }
    // A list that does not start at the top leaves out what is pinned there.
    if (thread.pinned !== null) yield* withReplies(world, thread, thread.pinned)
  }
}

function* withReplies(world: World, thread: Thread, position: number): Generator<object> {
  const comment = commentAt(world, thread, position)
  if (comment === undefined) return
  yield tellComment(thread.media, comment, null)
  for (let n = 0; n < comment.replyCount; n++) {
    yield tellComment(thread.media, replyAt(world, thread, comment, n), comment)
  }
}

function* likers(world: World, profile: Profile): Generator<object> {
  for (const media of mediaOf(world, profile)) {
    const listing = likersOf(world, media.hash, media.user, likersListed(world, media))
    for (const person of listing) yield tellRelation('likers', media.pk, person)
  }
}

function* people(world: World, profile: Profile, kind: PeopleKind): Generator<object> {
  for (const position of positions(world, profile, kind, null)) {
    yield tellRelation(kind, profile.pk, personAt(world, profile, kind, position))
  }
}

function* highlights(world: World, profile: Profile): Generator<object> {
  for (let n = 0; n < highlightCount(world, profile); n++) {
    yield tellHighlight(highlightAt(world, profile, n))
  }
}
