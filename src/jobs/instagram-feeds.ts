import { sql } from 'kysely'
import { forgetMet, hasMet, noteMet } from '../db/records-met.ts'
import { forgetRead, noteRead, readRecently } from '../db/subject-reads.ts'
import { getWatermark, moveWatermark } from '../db/watermarks.ts'
import type { PostRead } from '../etl/extract/instagram/route.ts'
import { markPostsGone } from '../etl/load/instagram/mark-gone.ts'
import { type Operation, eachPage } from '../etl/stream.ts'
import type { KnownProfile } from './instagram-who.ts'
import type { PartName } from './instagram-params.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'
const dayMs = 86_400_000
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
  const isWhole = params.full || !watermark || !(await wasRead(run, `${feed}.whole`, externalId))
  // An adopted cursor may be that of a read of what was new alone, which is none of the whole list.
  const tellsWhole = !watermark || (isWhole && call.adopted_from === null)
  const wasBroken = await wasRead(run, `${feed}.begun`, externalId)
  const { operation } = route[feed]
  const reading: Operation<unknown, RowOf<typeof operation>> = {
    ...operation,
    async alsoWrite(trx, pages) {
      // Before a first read nothing is stored that a list could have lost.
      const ids = pages.flatMap((page) => page.ids)
      if (watermark) await noteMet(trx, call.id, feed, ids)
      if (!pages.some((page) => page.done))
        return await noteRead(trx, service, `${feed}.begun`, [externalId])
      await forgetRead(trx, service, `${feed}.begun`, [externalId])
      const isEmpty = watermark !== undefined && !(await hasMet(trx, call.id, feed))
      // What stands in neither list is asked for one by one: an account without reels has lost those that it had.
      if (watermark && tellsWhole && (!isEmpty || feed === 'reels'))
        await noteMet(trx, call.id, `${feed}.whole`, [externalId])
      // An empty answer moves nothing that is there.
      if (isEmpty) return
      await moveWatermark(trx, key, new Date(readingSince.getTime() - overlapMs), call.id)
      if (tellsWhole) await noteRead(trx, service, `${feed}.whole`, [externalId])
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

async function wasRead({ db, params }: ProfileRun, what: string, id: string): Promise<boolean> {
  const maxAgeMs = params.fullAfterDays * dayMs
  return (await readRecently(db, service, what, [id], maxAgeMs)).size > 0
}

export async function skipPrivate(
  run: ProfileRun,
  part: Exclude<PartName, 'profile' | 'replies' | 'insights'>,
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
  const missed = await postsNotMet(run, profile)
  const { operation } = route.postsById
  const asking = {
    ...operation,
    alsoWrite: eachPage<RowOf<typeof operation>>((trx, { absent, serviceCallId }) =>
      markPostsGone(trx, absent, serviceCallId),
    ),
  }
  const { username } = profile
  const posts = missed.map((post) => ({ ...post, username }))
  const seeds = posts.length > 0 ? route.postsById.seeds(profile, posts) : []
  await run.streams(asking, seeds, { parallel: run.params.parallel })
}

export async function forgetFeeds({ db, call }: ProfileRun): Promise<void> {
  for (const list of ['posts', 'posts.whole', 'reels', 'reels.whole'])
    await forgetMet(db, call.id, list)
}

/** Stored posts that are as young as what every list that should hold them has shown, and were in none. */
async function postsNotMet(
  { db, call, parts }: ProfileRun,
  { storedId }: KnownProfile,
): Promise<PostRead[]> {
  const [lists, kinds] = parts.has('reels')
    ? [
        ['posts', 'reels'],
        ['post', 'reel'],
      ]
    : [['posts'], ['post']]
  const { rows } = await sql<PostRead>`
    with met as materialized (
      select m.entity as list, p.external_id, p.taken_at from ledger.records_met m
      join public.posts p on p.source = ${service} and p.external_id = m.external_id
      where m.job_call_id = ${call.id} and m.entity = any(${lists}::text[])
    ), reached as materialized (
      -- Up to three that are pinned stand first, however old: they do not say how far a list was read.
      select list, case
        when exists (select from ledger.records_met w where w.job_call_id = ${call.id} and w.entity = list || '.whole') then '-infinity'
        else coalesce((select taken_at from met where met.list = l.list order by taken_at offset 3 limit 1), 'infinity') end as taken_at
      from unnest(${lists}::text[]) as l (list)
    )
    select p.external_id as "externalId", p.shortcode, p.graph_id as "graphId" from public.posts p
    where p.source = ${service} and p.profile_external_id = ${storedId} and p.kind = any(${kinds}::text[]) and p.gone_at is null
      and exists (select from met)
      and p.taken_at > (select max(r.taken_at) from reached r where r.list = 'posts' or p.kind = 'reel')
      and not exists (select from met where met.external_id = p.external_id)`.execute(db)
  return rows
}
