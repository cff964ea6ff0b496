import { sql, type Transaction } from 'kysely'
import type { Db } from '../db/connect.ts'
import type { DB } from '../db/schema.generated.ts'
import type { PostRead, StreamSeed } from '../etl/extract/instagram/route.ts'
import { markLikesGone } from '../etl/load/instagram/mark-gone.ts'
import { forgetRead, noteRead } from '../db/subject-reads.ts'
import type { Operation } from '../etl/stream.ts'
import { skipPrivate } from './instagram-feeds.ts'
import type { KnownProfile } from './instagram-who.ts'
import type { ProfileRun } from './instagram-steps.ts'

const service = 'instagram'
/** What stands for the count of a post that tells of itself that its comments are off: the ledger says so once. */
const off = 'off'
const dayMs = 86_400_000
/** Posts whose streams are opened at a time. */
const atATime = 2000

/** What is read of each post again when its count is another than at the last read. */
const counts = { comments: 'comment_count', likers: 'like_count' } as const
type OfPosts = keyof typeof counts

/** A stream of its own for the comments of each post whose count changed; those of a post read before until nothing new comes. */
export async function readComments(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { route, params, parts } = run
  if (profile.isPrivate) return await skipPrivate(run, 'comments', profile.externalId)
  const replies = parts.has('replies')
  const seeds = seedsOf(run, 'comments', profile, (post) =>
    route.comments.seed({ ...post, replies, known: post.wasRead && !params.full }),
  )
  const operation = notingReads('comments', route.comments.operation)
  await run.streams(operation, seeds, { parallel: params.parallel })
}

/** The comments that were read have opened these. */
export async function readReplies(run: ProfileRun): Promise<void> {
  await run.streams(run.route.replies.operation, [], { parallel: run.params.parallel })
}

export async function readLikers(run: ProfileRun, profile: KnownProfile): Promise<void> {
  const { route, params } = run
  if (profile.isPrivate) return await skipPrivate(run, 'likers', profile.externalId)
  const seeds = seedsOf(run, 'likers', profile, (post) => route.likers.seed(post))
  const { operation } = route.likers
  const noting = notingReads('likers', operation)
  const marking: typeof operation = {
    ...noting,
    async alsoWrite(trx, pages) {
      await noting.alsoWrite?.(trx, pages)
      for (const { subject, ids, serviceCallId } of pages)
        if (ids.length > 0) await markLikesGone(trx, { id: subject }, ids, serviceCallId)
    },
  }
  await run.streams(marking, seeds, { parallel: params.parallel })
}

/**
 * With a post's last page, or where nothing of it can be read: which count it had then. In one statement for all, since they are very many.
 * Until then it counts as never read: what a reading leaves out when it is broken off lies below what it wrote.
 */
function notingReads<Row>(
  part: OfPosts,
  operation: Operation<unknown, Row>,
): Operation<unknown, Row> {
  return {
    ...operation,
    async alsoWrite(trx, pages) {
      const done = pages.filter((page) => page.done).map((page) => page.subject)
      const begun = pages.filter((page) => !page.done).map((page) => page.subject)
      if (begun.length > 0) await forgetRead(trx, service, part, begun)
      if (done.length > 0) await notePostsRead(trx, part, done)
    },
    noteSkipped: (db, subject) => notePostsRead(db, part, [subject]),
  }
}

async function notePostsRead(
  db: Db | Transaction<DB>,
  part: OfPosts,
  ids: readonly string[],
): Promise<void> {
  await sql`
    insert into ledger.subject_reads as r (service, operation, subject, read_at, value)
    select ${service}, ${part}, p.external_id, clock_timestamp(), coalesce(to_jsonb(p.${sql.ref(counts[part])}), 'null')
    from unnest(${ids}::text[]) as id
    join public.posts p on p.source = ${service} and p.external_id = id
    order by id
    on conflict (service, operation, subject) do update set read_at = excluded.read_at, value = excluded.value`.execute(
    db,
  )
}

type PostToRead = PostRead & { wasRead: boolean; isOff: boolean }

/** The posts whose count is another than at their last read, or which were not read for long; some at a time. */
async function* seedsOf(
  run: ProfileRun,
  part: OfPosts,
  { storedId, username }: KnownProfile,
  seed: (post: PostToRead) => StreamSeed,
): AsyncGenerator<StreamSeed[]> {
  const { db, params } = run
  const isOff =
    part === 'comments' ? sql<boolean>`(p.comments_disabled is true)` : sql<boolean>`false`
  const count = sql.ref(`p.${counts[part]}`)
  const state = sql`case when ${isOff} then to_jsonb(${off}::text) else coalesce(to_jsonb(${count}), 'null') end`
  const maxAgeSeconds = (params.fullAfterDays * dayMs) / 1000
  let after = ''
  for (;;) {
    const { rows } = await sql<PostToRead>`
      select p.external_id as "externalId", p.shortcode, p.graph_id as "graphId",
        coalesce(r.read_at > clock_timestamp() - make_interval(secs => ${maxAgeSeconds}), false) as "wasRead",
        ${isOff} as "isOff"
      from public.posts p
      left join ledger.subject_reads r on r.service = ${service} and r.operation = ${part} and r.subject = p.external_id
      where p.source = ${service} and p.profile_external_id = ${storedId} and p.kind <> 'story' and p.gone_at is null
        and p.external_id > ${after}
        and (${params.full} or case
          when r.subject is null then ${count} is distinct from 0 or ${isOff}
          when r.read_at < clock_timestamp() - make_interval(secs => ${maxAgeSeconds}) then true
          else r.value is distinct from ${state} end)
      order by p.external_id limit ${atATime}`.execute(db)
    if (rows.length === 0) return
    const [silent = [], open = []] = [true, false].map((is) =>
      rows.filter((post) => post.isOff === is),
    )
    if (silent.length > 0) {
      const ids = silent.map(({ externalId }) => externalId)
      await run.skip(run.route[part].operation, ids, 'comments are off')
      await noteRead(db, service, part, ids, off)
    }
    yield open.map((post) => seed({ ...post, username }))
    after = rows.at(-1)?.externalId ?? after
  }
}
