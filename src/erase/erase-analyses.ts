import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { mentionsOf } from './erase-mentions.ts'
import type { Person } from './find-person.ts'
import { count, type Tally } from './tally.ts'

/** What of a person was, or is to be, analysed. */
export interface Analysed {
  texts: string[]
  /** As `public.media_key` has them. */
  media: string[]
}

/**
 * What was analysed of a profile: their own texts and media, what others wrote under their posts, and texts of others that
 * mention them. To be called before the rows go.
 */
export async function listAnalysed(trx: Transaction<DB>, person: Person): Promise<Analysed> {
  if (person.kind !== 'profile') return { texts: [], media: [] }
  const { ids, names, things } = person
  const mentions = mentionsOf(names)
  const { rows: texts } = await sql<{ text: string }>`
    select bio as text from public.profiles
    where source = 'instagram' and (external_id = any(${ids}::text[]) or bio ilike any(${mentions}::text[])) and bio is not null
    union select caption from public.posts
    where source = 'instagram' and (external_id = any(${things}::text[]) or caption ilike any(${mentions}::text[])) and caption is not null
    union select text from public.comments
    where source = 'instagram' and (post_external_id = any(${things}::text[]) or author_external_id = any(${ids}::text[])
      or lower(author_username) = any(${names}::text[]) or text ilike any(${mentions}::text[]))`.execute(
    trx,
  )
  const { rows: media } = await sql<{ key: string }>`
    select public.media_key(source, external_id, post_external_id, position) as key from public.post_media
    where source = 'instagram' and post_external_id = any(${things}::text[])`.execute(trx)
  return { texts: texts.map(({ text }) => text), media: media.map(({ key }) => key) }
}

/**
 * Deletes their analyses, results as they came, and tasks: of texts those that by now stand nowhere any more. A batch that is being sent
 * holds them to the letter: it is called off, and what else was in it is handed over anew.
 */
export async function eraseAnalyses(
  trx: Transaction<DB>,
  { texts, media }: Analysed,
  tally: Tally,
): Promise<void> {
  if (texts.length + media.length === 0) return
  const { rows } = await sql<{ key: string }>`
    with told as materialized (select distinct text from unnest(${texts}::text[]) as t (text))
    select public.text_key(text) as key from told where text not in (
      select bio from public.profiles where bio in (select text from told)
      union all select caption from public.posts where caption in (select text from told)
      union all select text from public.comments where text in (select text from told))`.execute(
    trx,
  )
  const keys = [...rows.map(({ key }) => key), ...media]

  const { rows: tasks } = await sql<{ batch_id: string | null }>`
    delete from ledger.analysis_tasks where content_key = any(${keys}::text[]) returning batch_id`.execute(
    trx,
  )
  count(tally, 'ledger.analysis_tasks', 'deleted', tasks.length)
  const batches = [...new Set(tasks.flatMap(({ batch_id: id }) => id ?? []))]
  await sql`
    with called_off as (
      update ledger.analysis_batches set status = 'cancelled', finished_at = clock_timestamp(), body = null, held_by = null,
        holder_call_id = null
      where id = any(${batches}::uuid[]) and status = 'sending' returning id
    )
    update ledger.analysis_tasks set batch_id = null
    where batch_id in (select id from called_off) and finished_at is null`.execute(trx)
  await sql`
    update ledger.analysis_batches set body = null where id = any(${batches}::uuid[]) and body is not null and status <> 'sending'`.execute(
    trx,
  )

  for (const [table, column] of [
    ['public.text_analysis', 'text_key'],
    ['public.media_analysis', 'media_key'],
    ['ledger.rejects', 'external_id'],
    ['raw.records', 'external_id'],
  ] as const) {
    const isOfAnalysis = table.startsWith('public.')
      ? sql`true`
      : sql`source in ('vision', 'text-ml') and entity in ('media_analysis', 'text_analysis')`
    const { numAffectedRows } = await sql`
      delete from ${sql.table(table)} where ${sql.ref(column)} = any(${keys}::text[]) and ${isOfAnalysis}`.execute(
      trx,
    )
    count(tally, table, 'deleted', numAffectedRows)
  }
}
