import { forgetMet, hasMet, noteMet } from '../db/records-met.ts'
import { noteRead, readRecently } from '../db/subject-reads.ts'
import {
  markFollowsGone,
  markHighlightsGone,
  trimHighlight,
} from '../etl/load/instagram/mark-gone.ts'
import { skipPrivate } from './instagram-feeds.ts'
import type { KnownProfile } from './instagram-who.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'
const dayMs = 86_400_000

/** Followers, or who is followed: the whole list, where their count is another than at the last read. */
export async function readPeople(
  run: ProfileRun,
  list: 'followers' | 'following',
  profile: KnownProfile,
): Promise<void> {
  const { db, call, params, route } = run
  const { externalId, storedId, isPrivate } = profile
  if (isPrivate) return await skipPrivate(run, list, externalId)
  const count = list === 'followers' ? profile.followerCount : profile.followingCount
  const maxAgeMs = params.fullAfterDays * dayMs
  const last = await readRecently(db, service, list, [externalId], maxAgeMs)
  if (!params.full && last.has(externalId) && last.get(externalId) === count) return
  const { operation } = route[list]
  const reading: typeof operation = {
    ...operation,
    async alsoWrite(trx, pages) {
      for (const page of pages) {
        await noteMet(trx, call.id, list, page.ids)
        if (!page.done) continue
        const met = { jobCallId: call.id, entity: list }
        // An empty list marks nobody as gone.
        if (await hasMet(trx, call.id, list))
          await markFollowsGone(trx, storedId, list, met, page.serviceCallId)
        await noteRead(trx, service, list, [externalId], count)
      }
    },
  }
  await run.streams(reading, [route[list].seed(profile)])
  await forgetMet(db, call.id, list)
}

export async function readStories(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { stories } = run.route
  if (profile.isPrivate) return await skipPrivate(run, 'stories', profile.externalId)
  await run.streams(stories.operation, [stories.seed(profile)])
}

/** The list in one answer, then the items of each. */
export async function readHighlights(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { route, params } = run
  if (profile.isPrivate) return await skipPrivate(run, 'highlights', profile.externalId)
  const { operation } = route.highlights
  const reading: typeof operation = {
    ...operation,
    async alsoWrite(trx, pages) {
      // An empty answer marks nothing as gone.
      for (const { ids, serviceCallId } of pages)
        if (ids.length > 0) await markHighlightsGone(trx, profile.storedId, ids, serviceCallId)
    },
  }
  await run.streams(reading, [route.highlights.seed(profile)])
  const items = route.highlightItems.operation
  const trimming: typeof items = {
    ...items,
    async alsoWrite(trx, pages) {
      for (const { subject, ids } of pages)
        if (ids.length > 0) await trimHighlight(trx, subject, ids.length)
    },
  }
  await run.streams(trimming, [], { parallel: params.parallel })
}
