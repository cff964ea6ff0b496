import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from '../../../db/schema.generated.ts'
import { source } from './match.ts'

/**
 * The media of the posts in `merged`. Addresses count by their path; where something else changed, the whole fresh address is kept. The route
 * that came second gives no ids: its children have others.
 */
export const upsertMedia: RawBuilder<unknown> = sql`
  insert into public.post_media as m (source, post_external_id, position, external_id, media_type, url, thumbnail_url, width,
    height, duration_s, service_call_id)
  select ${source}, n.id, f.position, case when not coalesce(n.is_others, false) then f.external_id end, f.media_type, f.url,
    f.thumbnail_url, f.width, f.height, f.duration_s, n.service_call_id
  from merged n
  cross join lateral rows from (jsonb_to_recordset(n.told -> 'media') as (external_id text, media_type text, url text,
    thumbnail_url text, width int, height int, duration_s double precision))
    with ordinality as f (external_id, media_type, url, thumbnail_url, width, height, duration_s, position)
  order by n.id, f.position
  on conflict (source, post_external_id, position) do update set
    external_id = coalesce(excluded.external_id, m.external_id), media_type = excluded.media_type,
    url = coalesce(excluded.url, m.url), thumbnail_url = coalesce(excluded.thumbnail_url, m.thumbnail_url),
    width = coalesce(excluded.width, m.width), height = coalesce(excluded.height, m.height),
    duration_s = coalesce(excluded.duration_s, m.duration_s), service_call_id = excluded.service_call_id
  where (m.external_id, m.media_type, public.media_path(m.url), public.media_path(m.thumbnail_url), m.width, m.height, m.duration_s)
    is distinct from (coalesce(excluded.external_id, m.external_id), excluded.media_type,
      public.media_path(coalesce(excluded.url, m.url)), public.media_path(coalesce(excluded.thumbnail_url, m.thumbnail_url)),
      coalesce(excluded.width, m.width), coalesce(excluded.height, m.height), coalesce(excluded.duration_s, m.duration_s))`

/** Albums seldom shrink: a statement of its own, so that each page's needs no join over the table. */
export async function removeSurplus(
  trx: Transaction<DB>,
  post: string,
  media: number,
): Promise<void> {
  await sql`
    delete from public.post_media
    where source = ${source} and post_external_id = ${post} and position > ${media}::int`.execute(
    trx,
  )
}
