import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Db } from '../db/connect.ts'
import type { DB } from '../db/schema.generated.ts'
import { Fault, Parked } from '../errors.ts'
import { openInstagram } from '../etl/extract/instagram/open-route.ts'
import type { PostRead, StreamSeed } from '../etl/extract/instagram/route.ts'
import { storedMedia } from '../etl/load/analysis-tasks.ts'
import type { WrittenPage } from '../etl/stream.ts'
import { mediaOfPost } from '../etl/transform/instagram/post-contents.ts'
import type { PostRow } from '../etl/transform/instagram/post-row.ts'
import type { Settings } from '../settings.ts'
import type { AnalysisRun } from './analysis-run.ts'

/** Posts read again by one call: two minutes' work where Instagram answers none of them. */
const mostPosts = 60
/** How often a post is read again in vain. */
const mostReads = 3
/** When it is tried again where Instagram did not answer, in minutes. */
const againMinutes = 10
const parallel = 4

export const canReadAgain = (settings: Settings): boolean =>
  Boolean(settings.INSTAGRAM_BASE_URL && settings.INSTAGRAM_ACCESS_KEY)

type WantedPost = PostRead & { profile: string; username: string }

/**
 * Media that the service could not fetch, since their signed addresses had expired: their posts are read again, each once, and the
 * tasks go out with the fresh address. That a post cannot be read now holds up nothing else.
 */
export async function readMediaAgain(run: AnalysisRun): Promise<void> {
  const whichNot = run.canReadAgain ? sql`reads_again >= ${mostReads}` : sql`true`
  await giveUp(run.db, sql`due_at <= clock_timestamp() and ${whichNot}`, 'cannot be read again')
  if (!run.canReadAgain) return
  const posts = await takeWanted(run)
  if (posts.length === 0) return
  const route = openInstagram(run.http, run.settings)
  const ofProfile = Map.groupBy(posts, ({ profile }) => profile)
  const seeds: StreamSeed[] = [...ofProfile].flatMap(([externalId, some]) =>
    route.postsById.seeds({ externalId, username: some[0]?.username ?? '' }, some),
  )
  const operation = { ...route.postsById.operation, alsoWrite: giveAddresses }
  try {
    await run.streams(operation, seeds, { parallel })
  } catch (error) {
    const isOfTheCall = run.signal.aborted || !(error instanceof Fault || error instanceof Parked)
    if (isOfTheCall || (error instanceof Fault && ofTheCall.has(error.kind))) throw error
    run.log.warn({ reason: error.message }, 'media could not be read again; it is tried later')
  }
}

const ofTheCall: ReadonlySet<string> = new Set([
  'database',
  'lease_lost',
  'cancelled',
  'interrupted',
  'bug',
])

/** The posts whose media want a fresh address; who else looks finds them later. */
async function takeWanted({ db }: AnalysisRun): Promise<WantedPost[]> {
  const { rows } = await sql<WantedPost>`
    with wanted as (
      update ledger.analysis_tasks t set due_at = clock_timestamp() + make_interval(mins => ${againMinutes}), reads_again = reads_again + 1
      where (content_key, service) in (
        select content_key, service from ledger.analysis_tasks
        where fresh_address = 'wanted' and finished_at is null and due_at <= clock_timestamp()
        order by due_at limit ${mostPosts} for update skip locked
      )
      returning t.content ->> 'post' as post
    )
    select distinct p.external_id as "externalId", p.shortcode, p.graph_id as "graphId", p.profile_external_id as profile,
      coalesce((select username from public.profiles o where o.source = 'instagram' and o.external_id = p.profile_external_id), '') as username
    from wanted w join public.posts p on p.source = 'instagram' and p.external_id = w.post`.execute(
    db,
  )
  return rows
}

/** In the transaction that writes the posts. What a post no longer holds, or is gone, cannot be analysed. */
async function giveAddresses(
  trx: Transaction<DB>,
  pages: readonly WrittenPage<PostRow>[],
): Promise<void> {
  const rows = pages.flatMap((page) => page.rows)
  const media = rows.flatMap((row) =>
    mediaOfPost(row).map((medium) => ({ ...medium, service_call_id: row.service_call_id })),
  )
  if (media.length > 0) {
    const { rows: met } = await sql<{ post: string }>`
      with media as materialized (${storedMedia(media)}), given as (
        update ledger.analysis_tasks t set content = t.content || m.content, fresh_address = 'given', due_at = clock_timestamp()
        from media m
        where t.content_key = m.media_key and t.service = 'vision' and t.fresh_address = 'wanted' and t.finished_at is null
      )
      select distinct content ->> 'post' as post from media`.execute(trx)
    await giveUp(trx, sql`content ->> 'post' = any(${met.map(({ post }) => post)}::text[])`)
  }
  const absent = pages.flatMap((page) => page.absent)
  if (absent.length > 0) await giveUp(trx, sql`content ->> 'post' = any(${absent}::text[])`)
}

/** What still wants an address gets none. */
async function giveUp(
  trx: Db | Transaction<DB>,
  which: RawBuilder<unknown>,
  why = 'is no longer there',
): Promise<void> {
  await sql`
    update ledger.analysis_tasks set status = 'failed', finished_at = clock_timestamp(),
      error = error || jsonb_build_object('message', (error ->> 'message') || ${`; and it ${why} for a fresh address`}::text)
    where fresh_address = 'wanted' and finished_at is null and ${which}`.execute(trx)
}
