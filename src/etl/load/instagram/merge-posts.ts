import { type RawBuilder, sql } from 'kysely'
import { dayOf } from './dated.ts'
import { postKey, source, storedProfile } from './match.ts'

/**
 * Each record beside the stored post that it is of. Two of one post in a page count once; in the order of their keys, so that two pages
 * with the same posts lock them in the same order.
 */
export const incomingPosts = (rows: RawBuilder<string>): RawBuilder<unknown> => sql`
  incoming as materialized (
    select distinct on (k.id) k.id, k.told, s.stored, (s.stored).external_id <> k.told ->> 'external_id' as is_others
    from (
      select ${matched} as id, r.told from jsonb_array_elements(${rows}) as r (told) offset 0
    ) k
    left join lateral (
      select p as stored from public.posts p where p.source = ${source} and p.external_id = k.id limit 1
    ) s on true
    order by k.id
  )`

const matched = postKey(sql`r.told ->> 'external_id'`, sql`r.told ->> 'shortcode'`)

/**
 * What the row will be: the stored one, with what was told in the place of what it had. What both routes tell in words of their own (the
 * owner's id, the type) stays as it was told first, or each run of one would undo the other's.
 */
export const mergedPosts: RawBuilder<unknown> = sql`
  merged as materialized (
    select i.id, i.told, i.is_others,
      case when i.is_others then (i.stored).profile_external_id else coalesce(owner.external_id,
        i.told ->> 'profile_external_id', i.told ->> 'profile_username') end as profile,
      case when i.is_others then (i.stored).kind else coalesce(n.kind, 'post') end as kind,
      case when i.is_others then (i.stored).product_type else n.product_type end as product_type,
      n.shortcode, n.media_type, n.title, n.caption, coalesce(n.mentions, '{}') as mentions, coalesce(n.hashtags, '{}') as hashtags,
      n.tagged, n.taken_at, n.expires_at, n.like_count, n.comment_count, n.play_count, n.view_count, n.comments_disabled,
      n.likes_hidden, n.location, n.is_paid_partnership, n.graph_id, n.service_call_id,
      ${dayOf(sql`i.told ->> 'fetched_at'`)} as day
    from incoming i
    cross join lateral jsonb_populate_record(i.stored, i.told) n
    left join lateral ${storedProfile({
      id: sql`i.told ->> 'profile_external_id'`,
      graphId: sql`case when i.told ? 'graph_id' then i.told ->> 'profile_external_id' end`,
      username: sql`i.told ->> 'profile_username'`,
    })} owner on true
  )`
