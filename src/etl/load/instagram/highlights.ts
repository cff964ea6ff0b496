import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../../db/jsonb.ts'
import type { DB } from '../../../db/schema.generated.ts'
import type { Loaded } from '../../stream.ts'
import type { HighlightItemRow, HighlightRow } from '../../transform/instagram/highlight.ts'
import { isReplay, unlessMet, withoutToldLater } from '../replayed.ts'
import { postKey, source, storedProfile } from './match.ts'
import { loadPosts } from './posts.ts'

/** Highlights without their items; one that is met again is not gone. */
export async function loadHighlights(
  trx: Transaction<DB>,
  rows: readonly Loaded<HighlightRow>[],
): Promise<void> {
  const owner = storedProfile({
    id: sql`r.profile_external_id`,
    graphId: sql`null::text`,
    username: sql`r.profile_username`,
  })
  await sql`
    insert into public.highlights as h (source, external_id, profile_external_id, title, cover_url, media_count, is_pinned,
      created_at, service_call_id)
    select ${source}, r.external_id, coalesce(owner.external_id, r.profile_external_id), r.title, r.cover_url, r.media_count,
      r.is_pinned, r.created_at, r.service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (external_id text, profile_external_id text, profile_username text,
      title text, cover_url text, media_count bigint, is_pinned boolean, created_at timestamptz,
      service_call_id uuid)
    left join lateral ${owner} owner on true
    order by r.external_id
    on conflict (source, external_id) do update set
      profile_external_id = excluded.profile_external_id, title = coalesce(excluded.title, h.title),
      cover_url = coalesce(excluded.cover_url, h.cover_url), media_count = coalesce(excluded.media_count, h.media_count),
      is_pinned = coalesce(excluded.is_pinned, h.is_pinned), created_at = coalesce(excluded.created_at, h.created_at),
      gone_at = ${unlessMet(rows, 'h.gone_at')}, service_call_id = excluded.service_call_id
    where (h.profile_external_id, h.title, public.media_path(h.cover_url), h.media_count, h.is_pinned, h.created_at, h.gone_at)
      is distinct from (excluded.profile_external_id, coalesce(excluded.title, h.title),
        public.media_path(coalesce(excluded.cover_url, h.cover_url)), coalesce(excluded.media_count, h.media_count),
        coalesce(excluded.is_pinned, h.is_pinned), coalesce(excluded.created_at, h.created_at), ${unlessMet(rows, 'h.gone_at')})`.execute(
    trx,
  )
}

/** The media of highlights: posts like the others, and their places. */
export async function loadHighlightItems(
  trx: Transaction<DB>,
  rows: readonly Loaded<HighlightItemRow>[],
): Promise<void> {
  await loadPosts(trx, await withoutToldLater(trx, rows, { source, entity: 'posts' }))
  const kept = isReplay(rows) ? await stillThere(trx, rows) : rows
  const places = kept.map((row) => ({ ...row, media: undefined, caption: undefined }))
  await sql`
    insert into public.highlight_items as i (source, highlight_external_id, position, post_external_id, service_call_id)
    select distinct on (r.highlight_external_id, r.position) ${source}, r.highlight_external_id, r.position,
      ${postKey(sql`r.external_id`, sql`r.shortcode`)}, r.service_call_id
    from jsonb_to_recordset(${toJsonb(places)}::jsonb)
      as r (highlight_external_id text, position int, external_id text, shortcode text, service_call_id uuid)
    order by r.highlight_external_id, r.position
    on conflict (source, highlight_external_id, position) do update set
      post_external_id = excluded.post_external_id, service_call_id = excluded.service_call_id
    where i.post_external_id <> excluded.post_external_id`.execute(trx)
}

/**
 * A highlight comes whole, and raw records of what it held before stay: places behind its last item, and those that have
 * gone to an item fetched later, are not taken again.
 */
async function stillThere(
  trx: Transaction<DB>,
  rows: readonly Loaded<HighlightItemRow>[],
): Promise<readonly Loaded<HighlightItemRow>[]> {
  const told = rows.map(({ highlight_external_id, position, external_id, fetched_at }) => ({
    highlight_external_id,
    position,
    external_id,
    fetched_at,
  }))
  const { rows: there } = await sql<{ id: string; highlight: string }>`
    select distinct on (r.highlight_external_id, r.position) r.external_id as id, r.highlight_external_id as highlight
    from jsonb_to_recordset(${toJsonb(told)}::jsonb)
      as r (highlight_external_id text, position int, external_id text, fetched_at timestamptz)
    left join public.highlights h on h.source = ${source} and h.external_id = r.highlight_external_id
    left join public.highlight_items i on i.source = ${source} and i.highlight_external_id = r.highlight_external_id
      and i.position = r.position
    left join raw.records n on n.source = ${source} and n.entity = 'highlight_items'
      and n.external_id = i.highlight_external_id || '/' || i.post_external_id
    where r.position <= coalesce(h.media_count, r.position) and (n.fetched_at <= r.fetched_at) is not false
    order by r.highlight_external_id, r.position, r.fetched_at desc`.execute(trx)
  const kept = new Set(there.map(({ id, highlight }) => `${highlight}/${id}`))
  return rows.filter((row) => kept.has(`${row.highlight_external_id}/${row.external_id}`))
}
