import { sql, type Transaction } from 'kysely'
import type { DB } from '../../../db/schema.generated.ts'
import { postKey, source } from './match.ts'

/*
 * Rows that are met unchanged are not touched, so `service_call_id` can't tell what a list has shown. Where a list comes in one answer, the
 * ids of its records are at hand; of lists with pages `ledger.records_met` keeps them. Call these in the transaction of the
 * list's last page, and for lists read from their beginning alone.
 */

/** Posts that were asked for by id and did not come. */
export async function markPostsGone(
  trx: Transaction<DB>,
  ids: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.posts set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and external_id = any(${ids}::text[]) and gone_at is null`.execute(trx)
}

/** A profile that is not there any more: asked for by name, and by its id where we know one. */
export async function markProfileGone(
  trx: Transaction<DB>,
  profile: { username: string; externalId?: string | undefined },
  serviceCallId: string,
): Promise<void> {
  await sql`
    with tracked as (
      update public.tracked_profiles set gone_at = clock_timestamp()
      where source = ${source} and lower(username) = ${profile.username} and gone_at is null
    )
    update public.profiles set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and external_id = ${profile.externalId ?? null} and gone_at is null`.execute(
    trx,
  )
}

/** Likes of a post that the list of likers, one answer, no longer shows. `met`: ids of its records, `<post>/<user>`. */
export async function markLikesGone(
  trx: Transaction<DB>,
  post: { id: string; shortcode?: string | undefined },
  met: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.likes l set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where l.source = ${source} and l.gone_at is null
      and l.post_external_id = ${postKey(sql`${post.id}::text`, sql`${post.shortcode ?? null}::text`)}
      and ${post.id}::text || '/' || l.user_external_id <> all(${met}::text[])`.execute(trx)
}

/** Highlights of a profile that its list, one answer, no longer shows. */
export async function markHighlightsGone(
  trx: Transaction<DB>,
  profileId: string,
  met: readonly string[],
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.highlights set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where source = ${source} and profile_external_id = ${profileId} and gone_at is null
      and external_id <> all(${met}::text[])`.execute(trx)
}

/** Places behind the last item of a highlight, which come all in one answer. */
export async function trimHighlight(
  trx: Transaction<DB>,
  highlightId: string,
  items: number,
): Promise<void> {
  await sql`
    delete from public.highlight_items
    where source = ${source} and highlight_external_id = ${highlightId} and position > ${items}::int`.execute(
    trx,
  )
}

/** Where a list with pages was kept: what it has shown, as ids of raw records. */
export interface MetList {
  jobCallId: string
  /** The name in `ledger.records_met`. */
  entity: string
}

/** Followers, or who is followed, that a list read to its end no longer shows. */
export async function markFollowsGone(
  trx: Transaction<DB>,
  profileId: string,
  list: 'followers' | 'following',
  { jobCallId, entity }: MetList,
  serviceCallId: string,
): Promise<void> {
  const [own, other] =
    list === 'followers'
      ? [sql.ref('f.followee_external_id'), sql.ref('f.follower_external_id')]
      : [sql.ref('f.follower_external_id'), sql.ref('f.followee_external_id')]
  await sql`
    update public.follows f set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where f.source = ${source} and ${own} = ${profileId} and f.gone_at is null and not exists (
      select from ledger.records_met m where m.job_call_id = ${jobCallId}::uuid and m.entity = ${entity}
        and m.external_id = ${`${profileId}/${list}/`}::text || ${other})`.execute(trx)
}

/** Comments under a post, without replies, that a list read to its end no longer shows. */
export async function markCommentsGone(
  trx: Transaction<DB>,
  post: { id: string; shortcode?: string | undefined },
  { jobCallId, entity }: MetList,
  serviceCallId: string,
): Promise<void> {
  await sql`
    update public.comments c set gone_at = clock_timestamp(), service_call_id = ${serviceCallId}::uuid
    where c.source = ${source} and c.gone_at is null and c.parent_external_id is null
      and c.post_external_id = ${postKey(sql`${post.id}::text`, sql`${post.shortcode ?? null}::text`)}
      and not exists (
        select from ledger.records_met m where m.job_call_id = ${jobCallId}::uuid and m.entity = ${entity}
          and m.external_id = c.external_id)`.execute(trx)
}
