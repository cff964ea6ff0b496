import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { PostRow } from '../../transform/instagram/post-row.ts'
import { unlessMet } from '../replayed.ts'
import { incomingPosts, mergedPosts } from './merge-posts.ts'
import { byRoute, source } from './match.ts'
import { removeSurplus, upsertMedia } from './post-media.ts'
import { upsertPostMetrics } from './post-metrics.ts'

/**
 * Posts with their media, and a row of metrics where a figure changed: in one statement, since it runs a hundred thousand times.
 * One that is met again is not gone.
 */
export async function loadPosts(
  trx: Transaction<DB>,
  rows: readonly Loaded<PostRow>[],
): Promise<void> {
  for (const some of byRoute(rows)) await loadOfRoute(trx, some)
}

async function loadOfRoute(trx: Transaction<DB>, rows: readonly Loaded<PostRow>[]): Promise<void> {
  const { rows: shrunk } = await sql<{ id: string; media: number }>`
    with ${incomingPosts(sql`${toJsonb(rows)}::jsonb`)}, ${mergedPosts}, saved as (
      insert into public.posts as p (source, external_id, profile_external_id, shortcode, kind, product_type, media_type, title,
        caption, mentions, hashtags, tagged, taken_at, expires_at, like_count, comment_count, play_count, view_count,
        comments_disabled, likes_hidden, location, is_paid_partnership, graph_id, service_call_id)
      select ${source}, id, profile, shortcode, kind, product_type, media_type, title, caption, mentions, hashtags, tagged,
        taken_at, expires_at, like_count, comment_count, play_count, view_count, comments_disabled, likes_hidden, location,
        is_paid_partnership, graph_id, service_call_id
      from merged order by id
      on conflict (source, external_id) do update set
        profile_external_id = excluded.profile_external_id, shortcode = excluded.shortcode, kind = excluded.kind,
        product_type = excluded.product_type, media_type = excluded.media_type, title = excluded.title,
        caption = excluded.caption, mentions = excluded.mentions, hashtags = excluded.hashtags, tagged = excluded.tagged,
        taken_at = excluded.taken_at, expires_at = excluded.expires_at, like_count = excluded.like_count,
        comment_count = excluded.comment_count, play_count = excluded.play_count, view_count = excluded.view_count,
        comments_disabled = excluded.comments_disabled, likes_hidden = excluded.likes_hidden, location = excluded.location,
        is_paid_partnership = excluded.is_paid_partnership, graph_id = excluded.graph_id, gone_at = ${unlessMet(rows, 'p.gone_at')},
        service_call_id = excluded.service_call_id
      where (p.profile_external_id, p.shortcode, p.kind, p.product_type, p.media_type, p.title, p.caption, p.mentions, p.hashtags,
          p.tagged, p.taken_at, p.expires_at, p.like_count, p.comment_count, p.play_count, p.view_count, p.comments_disabled,
          p.likes_hidden, p.location, p.is_paid_partnership, p.graph_id, p.gone_at)
        is distinct from (excluded.profile_external_id, excluded.shortcode, excluded.kind, excluded.product_type,
          excluded.media_type, excluded.title, excluded.caption, excluded.mentions, excluded.hashtags, excluded.tagged,
          excluded.taken_at, excluded.expires_at, excluded.like_count, excluded.comment_count, excluded.play_count,
          excluded.view_count, excluded.comments_disabled, excluded.likes_hidden, excluded.location,
          excluded.is_paid_partnership, excluded.graph_id, ${unlessMet(rows, 'p.gone_at')})
    ), metrics as (${upsertPostMetrics}), media as (${upsertMedia})
    select id, jsonb_array_length(told -> 'media') as media from merged
    where jsonb_array_length(told -> 'media') < (
      select max(m.position) from public.post_media m where m.source = ${source} and m.post_external_id = merged.id)`.execute(
    trx,
  )
  for (const { id, media } of shrunk) await removeSurplus(trx, id, media)
}
