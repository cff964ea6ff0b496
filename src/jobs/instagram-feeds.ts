import { sql } from 'kysely'
import { noteMet } from '../db/records-met.ts'
import { noteRead, readRecently } from '../db/subject-reads.ts'
import { getWatermark, moveWatermark } from '../db/watermarks.ts'
import type { PostRead } from '../etl/extract/instagram/route.ts'
import { markPostsGone } from '../etl/load/instagram/mark-gone.ts'
import { type Operation, eachPage } from '../etl/stream.ts'
import type { KnownProfile } from './instagram-who.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'
const dayMs = 86_400_000
const foreverMs = 100 * 365 * dayMs
/** A watermark stands a little before the reading began: a post may show up later than its time says. */
const overlapMs = 3_600_000

type Feed = 'posts' | 'reels'

/**
 * A profile's posts, or its reels: all the first time, then those since the watermark and, as long as they bring changes, those
 * that were young at the last read; all again by age.
 */
export async function readFeed(run: ProfileRun, feed: Feed, profile: KnownProfile): Promise<void> {
  const { db, call, params, route, readingSince } = run
  const { externalId } = profile
  if (profile.isPrivate) return await skipPrivate(run, feed, externalId)
  const key = { job: 'instagram', service, operation: feed, subject: externalId } as const
  const watermark = await getWatermark(db, key)
  const isWhole = params.full || !watermark || !(await wasReadWhole(run, feed, externalId))
  const wasBroken =
    (await readRecently(db, service, `${feed}.broken`, [externalId], foreverMs)).get(externalId) ===
    true
  const { operation } = route[feed]
  const reading: Operation<unknown, RowOf<typeof operation>> = {
    ...operation,
    async alsoWrite(trx, pages) {
      // Before a first read nothing is stored that a list could have lost.
      const ids = pages.flatMap((page) => page.ids)
      if (watermark) await noteMet(trx, call.id, 'posts', ids)
      const isDone = pages.some((page) => page.done)
      if (!isDone || wasBroken)
        await noteRead(trx, service, `${feed}.broken`, [externalId], !isDone)
      if (!isDone) return
      // An empty answer moves nothing that is there.
      if (watermark && ids.length === 0) return
      await moveWatermark(trx, key, new Date(readingSince.getTime() - overlapMs), call.id)
      if (isWhole) await noteRead(trx, service, `${feed}.whole`, [externalId])
    },
  }
  const since =
    isWhole || !watermark
      ? undefined
      : new Date(watermark.getTime() - params.refreshDays * dayMs).toISOString()
  // What a read that was broken off left out lies below what it wrote, which is unchanged now.
  const untilUnchanged = !isWhole && !wasBroken
  await run.streams(reading, [route[feed].seed({ ...profile, since, untilUnchanged })])
}

type RowOf<O> = O extends Operation<unknown, infer Row> ? Row : never

async function wasReadWhole({ db, params }: ProfileRun, feed: Feed, id: string): Promise<boolean> {
  const maxAgeMs = params.fullAfterDays * dayMs
  return (await readRecently(db, service, `${feed}.whole`, [id], maxAgeMs)).size > 0
}

export async function skipPrivate(
  run: ProfileRun,
  part: 'posts' | 'reels' | 'stories' | 'highlights' | 'followers' | 'following',
  subject: string,
): Promise<void> {
  await run.skip(run.route[part].operation, [subject], 'the profile is private')
}

/**
 * Posts that the lists read here should have held and did not are asked for one by one: what is not found is gone. A reel may
 * stand in either list, so that it is missed only where both were read.
 */
export async function lookForGonePosts(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { route, parts } = run
  if (!parts.has('posts') || profile.isPrivate) return
  const missed = await postsNotMet(run, profile, parts.has('reels') ? ['post', 'reel'] : ['post'])
  const { operation } = route.postsById
  const asking = {
    ...operation,
    alsoWrite: eachPage<RowOf<typeof operation>>((trx, { absent, serviceCallId }) =>
      markPostsGone(trx, absent, serviceCallId),
    ),
  }
  await run.streams(
    asking,
    missed.length > 0
      ? route.postsById.seeds(
          profile,
          missed.map((post) => ({ ...post, username: profile.username })),
        )
      : [],
  )
}

/** Stored posts that are as young as what the lists have shown, and were not among it. */
async function postsNotMet(
  { db, call, params }: ProfileRun,
  { storedId }: KnownProfile,
  kinds: readonly string[],
): Promise<PostRead[]> {
  const { rows } = await sql<PostRead>`
    with met as materialized (
      select p.external_id, p.taken_at from ledger.records_met m
      join public.posts p on p.source = ${service} and p.external_id = m.external_id
      where m.job_call_id = ${call.id} and m.entity = 'posts'
    ), reached as (
      -- Up to three that are pinned stand first, however old: they do not say how far the list was read.
      select coalesce((select taken_at from met order by taken_at offset 3 limit 1), 'infinity') as taken_at
    )
    select p.external_id as "externalId", p.shortcode, p.graph_id as "graphId" from public.posts p, reached r
    where p.source = ${service} and p.profile_external_id = ${storedId} and p.kind = any(${kinds}::text[]) and p.gone_at is null
      and exists (select from met)
      and (${params.full} or p.taken_at > r.taken_at)
      and not exists (select from met where met.external_id = p.external_id)`.execute(db)
  return rows
}
