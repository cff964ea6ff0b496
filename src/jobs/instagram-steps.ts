import { noteRead } from '../db/subject-reads.ts'
import { Fault } from '../errors.ts'
import { isErasedNow } from '../etl/erased/tombstones.ts'
import { openInstagram } from '../etl/extract/instagram/open-route.ts'
import { readComments, readLikers, readReplies } from './instagram-of-posts.ts'
import { forgetFeeds, lookForGonePosts, readFeed } from './instagram-feeds.ts'
import { readInsights } from './instagram-insights.ts'
import { readHighlights, readPeople, readStories } from './instagram-lists.ts'
import type { PartName, ProfileParams } from './instagram-params.ts'
import { defaultParts } from './instagram-params.ts'
import {
  type KnownProfile,
  knownProfile,
  markAsGone,
  partsOf,
  readProfile,
} from './instagram-who.ts'
import type { Run } from './job.ts'

/** What the steps of one profile share. */
export interface ProfileRun extends Run<ProfileParams> {
  route: ReturnType<typeof openInstagram>
  parts: ReadonlySet<PartName>
}

type Step = (run: ProfileRun, profile: KnownProfile) => Promise<void>

const steps: Record<Exclude<PartName, 'profile'>, Step> = {
  posts: (run, profile) => readFeed(run, 'posts', profile),
  reels: (run, profile) => readFeed(run, 'reels', profile),
  comments: readComments,
  replies: readReplies,
  likers: readLikers,
  followers: (run, profile) => readPeople(run, 'followers', profile),
  following: (run, profile) => readPeople(run, 'following', profile),
  stories: readStories,
  highlights: readHighlights,
  insights: readInsights,
}

export async function openInstagramSteps(of: Run<ProfileParams>) {
  const { db, http, settings, params } = of
  const due = (await partsOf(db, params.username)) ?? defaultParts(settings)
  const parts = params.parts ?? due
  const run: ProfileRun = { ...of, route: openInstagram(http, settings), parts: new Set(parts) }
  const failures: Fault[] = []

  /** Streams that failed say so in the ledger; what concerns the whole call ends it. */
  async function orKeepForTheEnd(work: () => Promise<void>): Promise<void> {
    try {
      await work()
    } catch (error) {
      if (!(error instanceof Fault && error.kind === 'streams')) throw error
      failures.push(error)
    }
  }

  return {
    /** Undefined: it is gone, which was known. @throws Fault where it is gone now, or could not be read. */
    async profile(): Promise<KnownProfile | undefined> {
      if (await isErasedNow(db, 'instagram', `@${params.username}`))
        throw new Fault('params', 'this profile was erased: it is not read again', {
          hint: 'take it off public.tracked_profiles',
        })
      const known = await knownProfile(db, params.username)
      if (known && !run.parts.has('profile')) return known
      try {
        await readProfile(run, known)
      } catch (error) {
        const isKnownAsGone =
          error instanceof Fault && error.kind === 'streams' && (await markAsGone(run, known))
        if (isKnownAsGone) return undefined
        throw error
      }
      const profile = await knownProfile(db, params.username)
      if (!profile) throw new Fault('bad_answer', `${params.username}: what came is no profile`)
      return profile
    },

    async part(name: keyof typeof steps, profile: KnownProfile): Promise<void> {
      if (run.parts.has(name)) await orKeepForTheEnd(() => steps[name](run, profile))
    },

    whatIsGone: (profile: KnownProfile) => orKeepForTheEnd(() => lookForGonePosts(run, profile)),

    /** @throws Fault `streams` where parts failed. */
    async end({ username, isPrivate }: KnownProfile): Promise<object> {
      if (failures.length > 0) {
        const [first] = failures
        throw new Fault('streams', failures.map(({ message }) => message).join('; '), {
          service: 'instagram',
          hint: first?.hint,
          retriable: failures.some(({ retriable }) => retriable),
        })
      }
      await forgetFeeds(run)
      // A look at some parts by hand leaves the profile due for the others.
      if (due.every((part) => run.parts.has(part)))
        await noteRead(db, 'instagram', 'profile.synced', [params.username])
      return { username, ...(isPrivate && { private: true }), parts: [...run.parts] }
    },
  }
}
