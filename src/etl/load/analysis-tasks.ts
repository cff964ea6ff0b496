import { type RawBuilder, sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import { reviveTasks } from '../../db/analysis-revive.ts'
import type { JobCall } from '../../db/job-calls.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Analysed, Contents, Medium } from '../contents.ts'
import { postKey, source } from './instagram/match.ts'

/** What a row holds to be analysed, and the stream that brought it. */
export type ToldContents = Contents & { service_call_id: string }

/**
 * Makes a task of each content that no task is of, whatever it stands in; in the transaction that writes the rows, after them. One
 * statement; what is known is looked up and left alone, never locked: half of all comments may be the same heart. What was
 * cancelled is taken up again.
 */
export async function addAnalysisTasks(
  trx: Transaction<DB>,
  { id, root_id }: Pick<JobCall, 'id' | 'root_id'>,
  analysed: Analysed,
  told: readonly ToldContents[],
): Promise<void> {
  const texts = analysed.texts ? told.flatMap(textsOf) : []
  const media = analysed.media ? told.flatMap(mediaOf) : []
  if (texts.length + media.length === 0) return
  const incoming = [
    ...(texts.length > 0 ? [textTasks(texts)] : []),
    ...(media.length > 0 ? [mediumTasks(media)] : []),
  ]
  const { rows: cancelled } = await sql<object>`
    with told as materialized (
      select distinct on (content_key) * from (${sql.join(incoming, sql` union all `)}) t order by content_key
    ), incoming as materialized (
      select told.*, (select t.status from ledger.analysis_tasks t where t.content_key = told.content_key and t.service = told.service) as known
      from told
    ), added as (
      insert into ledger.analysis_tasks (content_key, service, kind, content, job_call_id, root_call_id, service_call_id)
      select content_key, service, kind, content, ${id}::uuid, ${root_id}::uuid, service_call_id
      from incoming where known is null order by content_key
      on conflict do nothing
    )
    select content_key, service, content from incoming where known = 'cancelled'`.execute(trx)
  if (cancelled.length === 0) return
  await reviveTasks(
    trx,
    sql`
      select r.*, ${id}::uuid as job_call_id, ${root_id}::uuid as root_call_id
      from jsonb_to_recordset(${toJsonb(cancelled)}::jsonb) as r (content_key text, service text, content jsonb)`,
  )
}

function textsOf({ texts, service_call_id }: ToldContents) {
  return texts.flatMap((text) => (text?.trim() ? { text, service_call_id } : []))
}

function mediaOf({ media = [], service_call_id }: ToldContents) {
  return media.map((medium) => ({ ...medium, service_call_id }))
}

const textTasks = (texts: readonly object[]): RawBuilder<unknown> => sql`
  select public.text_key(r.text) as content_key, 'text-ml' as service, 'text' as kind,
    jsonb_build_object('text', r.text) as content, r.service_call_id
  from jsonb_to_recordset(${toJsonb(texts)}::jsonb) as r (text text, service_call_id uuid)`

const mediumTasks = (media: readonly object[]): RawBuilder<unknown> => sql`
  select m.media_key as content_key, 'vision' as service, m.kind, m.content, m.service_call_id from (${storedMedia(media)}) m`

/**
 * Media that were told of, by what `media_key` says of the stored ones: the routes know the same medium by different ids, and the
 * first stays.
 */
export const storedMedia = (media: readonly (Medium | object)[]): RawBuilder<unknown> => sql`
  select public.media_key(${source}, m.external_id, k.post, k.position) as media_key,
    case m.media_type when 'video' then 'video' else 'image' end as kind,
    jsonb_build_object('url', coalesce(k.url, m.url), 'post', k.post, 'position', k.position) as content, k.service_call_id
  from (
    select ${postKey(sql`r.post_id`, sql`r.post_shortcode`)} as post, r.position, r.url, r.service_call_id
    from jsonb_to_recordset(${toJsonb(media)}::jsonb)
      as r (post_id text, post_shortcode text, position int, url text, service_call_id uuid) offset 0
  ) k
  cross join lateral (
    select m.external_id, m.media_type, m.url from public.post_media m
    where m.source = ${source} and m.post_external_id = k.post and m.position = k.position limit 1
  ) m`
