import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { AnalysisServiceName } from '../extract/analysis/service.ts'
import type { Loaded } from '../stream.ts'
import type { MediaAnalysisRow, TextAnalysisRow } from '../transform/analysis.ts'

/** Results of media, and the end of their tasks. */
export async function loadMediaAnalysis(
  trx: Transaction<DB>,
  rows: readonly Loaded<MediaAnalysisRow>[],
): Promise<void> {
  await sql`
    insert into public.media_analysis as a (media_key, labels, faces, texts, description, model, analysed_at, service_call_id)
    select media_key, labels, faces, texts, description, model, coalesce(fetched_at, clock_timestamp()), service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (media_key text, labels jsonb, faces jsonb, texts jsonb,
      description text, model text, fetched_at timestamptz, service_call_id uuid)
    order by media_key
    on conflict (media_key) do update set labels = excluded.labels, faces = excluded.faces, texts = excluded.texts,
      description = excluded.description, model = excluded.model, analysed_at = excluded.analysed_at,
      service_call_id = excluded.service_call_id
    where (a.labels, a.faces, a.texts, a.description, a.model)
      is distinct from (excluded.labels, excluded.faces, excluded.texts, excluded.description, excluded.model)`.execute(
    trx,
  )
  await endTasks(
    trx,
    'vision',
    rows.map((row) => row.media_key),
  )
}

/** Results of texts, and the end of their tasks. */
export async function loadTextAnalysis(
  trx: Transaction<DB>,
  rows: readonly Loaded<TextAnalysisRow>[],
): Promise<void> {
  await sql`
    insert into public.text_analysis as a (text_key, language, language_confidence, sentiment, sentiment_score, sentiment_scores,
      mentions, model, analysed_at, service_call_id)
    select text_key, language, language_confidence, sentiment, sentiment_score, sentiment_scores, mentions, model,
      coalesce(fetched_at, clock_timestamp()), service_call_id
    from jsonb_to_recordset(${toJsonb(rows)}::jsonb) as r (text_key text, language text, language_confidence double precision,
      sentiment text, sentiment_score double precision, sentiment_scores jsonb, mentions jsonb, model text,
      fetched_at timestamptz, service_call_id uuid)
    order by text_key
    on conflict (text_key) do update set language = excluded.language, language_confidence = excluded.language_confidence,
      sentiment = excluded.sentiment, sentiment_score = excluded.sentiment_score, sentiment_scores = excluded.sentiment_scores,
      mentions = excluded.mentions, model = excluded.model, analysed_at = excluded.analysed_at,
      service_call_id = excluded.service_call_id
    where (a.language, a.language_confidence, a.sentiment, a.sentiment_score, a.sentiment_scores, a.mentions, a.model)
      is distinct from (excluded.language, excluded.language_confidence, excluded.sentiment, excluded.sentiment_score,
        excluded.sentiment_scores, excluded.mentions, excluded.model)`.execute(trx)
  await endTasks(
    trx,
    'text-ml',
    rows.map((row) => row.text_key),
  )
}

/** Also of tasks that had failed: a result that was of a wrong shape may pass when it is transformed again. */
async function endTasks(
  trx: Transaction<DB>,
  service: AnalysisServiceName,
  keys: readonly string[],
): Promise<void> {
  await sql`
    with locked as materialized (
      select content_key from ledger.analysis_tasks
      where service = ${service} and content_key = any(${keys}::text[]) and status in ('submitted', 'failed', 'expired')
      order by content_key for update
    )
    update ledger.analysis_tasks t set status = 'succeeded', finished_at = coalesce(finished_at, clock_timestamp()), error = null, content = null
    from locked l where t.service = ${service} and t.content_key = l.content_key`.execute(trx)
}
