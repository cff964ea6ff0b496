import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { CommentRow } from '../../transform/instagram/comment.ts'
import { unlessMet } from '../replayed.ts'
import { postKey, source } from './match.ts'

/**
 * Comments and replies; one that is met again is not gone. Nothing of a comment can be told to be nothing, so null is what was
 * not told. Its author never changes, but has another id with each route: the first stays.
 */
export async function loadComments(
  trx: Transaction<DB>,
  rows: readonly Loaded<CommentRow>[],
): Promise<void> {
  await sql`
    with incoming as materialized (
      select *, coalesce(post_id, post_shortcode) as post from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, post_id text, post_shortcode text,
        parent_external_id text, author_external_id text, author_username text, text text, mentions text[],
        created_at timestamptz, like_count bigint, reply_count bigint, is_pinned boolean, is_hidden boolean, service_call_id uuid)
    ), posts as materialized (
      -- A page is of one post: looked up once, not for each comment.
      select post, ${postKey(sql`r.post_id`, sql`r.post_shortcode`)} as id
      from (select distinct on (post) post, post_id, post_shortcode from incoming) r
    )
    insert into public.comments as c (source, external_id, post_external_id, parent_external_id, author_external_id,
      author_username, text, mentions, created_at, like_count, reply_count, is_pinned, is_hidden, service_call_id)
    select ${source}, i.external_id, p.id, i.parent_external_id, i.author_external_id, i.author_username, i.text, i.mentions,
      i.created_at, i.like_count, i.reply_count, i.is_pinned, i.is_hidden, i.service_call_id
    from incoming i
    join posts p using (post)
    order by i.external_id
    on conflict (source, external_id) do update set
      post_external_id = excluded.post_external_id,
      parent_external_id = coalesce(excluded.parent_external_id, c.parent_external_id),
      author_external_id = coalesce(c.author_external_id, excluded.author_external_id),
      author_username = coalesce(excluded.author_username, c.author_username),
      text = excluded.text, mentions = excluded.mentions, created_at = excluded.created_at,
      like_count = coalesce(excluded.like_count, c.like_count), reply_count = coalesce(excluded.reply_count, c.reply_count),
      is_pinned = coalesce(excluded.is_pinned, c.is_pinned), is_hidden = coalesce(excluded.is_hidden, c.is_hidden),
      gone_at = ${unlessMet(rows, 'c.gone_at')}, service_call_id = excluded.service_call_id
    where (c.post_external_id, c.parent_external_id, c.author_external_id, c.author_username, c.text, c.mentions, c.created_at,
        c.like_count, c.reply_count, c.is_pinned, c.is_hidden, c.gone_at)
      is distinct from (excluded.post_external_id, coalesce(excluded.parent_external_id, c.parent_external_id),
        coalesce(c.author_external_id, excluded.author_external_id), coalesce(excluded.author_username, c.author_username),
        excluded.text, excluded.mentions, excluded.created_at, coalesce(excluded.like_count, c.like_count),
        coalesce(excluded.reply_count, c.reply_count), coalesce(excluded.is_pinned, c.is_pinned),
        coalesce(excluded.is_hidden, c.is_hidden), ${unlessMet(rows, 'c.gone_at')})`.execute(trx)
}
