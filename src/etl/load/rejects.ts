import { sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'

export interface Reject {
  /** Undefined where the record has no id: it is then known by the hash of its content. */
  id: string | undefined
  payload: unknown
  reason: string
}

export interface RejectOrigin {
  source: string
  entity: string
  jobCallId: string
  /** They did not come again, but were transformed again. */
  replayed?: boolean
}

/**
 * Keeps records that failed validation, with the reason; the same record again renews its row. Where it did not come again,
 * an open reject gets the new reason and still tells who saw it last.
 */
export async function writeRejects(
  trx: Transaction<DB>,
  rejects: readonly (Reject & { serviceCallId: string })[],
  { source, entity, jobCallId, replayed = false }: RejectOrigin,
): Promise<void> {
  if (rejects.length === 0) return
  const stays = sql`(${replayed}::boolean and r.closed_at is null)`
  await sql`
    insert into ledger.rejects as r (source, entity, external_id, payload, reason, job_call_id, service_call_id)
    select distinct on (key) ${source}, ${entity}, key, payload, reason, ${jobCallId}::uuid, service_call_id
    from (
      select coalesce(id, 'sha256:' || encode(sha256(convert_to(coalesce(payload, 'null')::text, 'UTF8')), 'hex')) as key,
        payload, reason, "serviceCallId" as service_call_id
      from jsonb_to_recordset(${toJsonb(rejects)}::jsonb) as x (id text, payload jsonb, reason text, "serviceCallId" uuid)
    ) keyed order by key
    on conflict (source, entity, external_id) do update set
      payload = excluded.payload, reason = excluded.reason, closed_at = null,
      job_call_id = case when ${stays} then r.job_call_id else excluded.job_call_id end,
      service_call_id = case when ${stays} then r.service_call_id else excluded.service_call_id end,
      last_seen_at = case when ${stays} then r.last_seen_at else clock_timestamp() end
    where not (${stays} and r.reason = excluded.reason)`.execute(trx)
}

/** Closes the rejects of records that now came well. */
export async function closeRejects(
  trx: Transaction<DB>,
  ids: readonly string[],
  { source, entity }: Pick<RejectOrigin, 'source' | 'entity'>,
): Promise<void> {
  if (ids.length === 0) return
  await sql`
    update ledger.rejects set closed_at = clock_timestamp()
    where source = ${source} and entity = ${entity} and external_id = any(${ids}::text[]) and closed_at is null`.execute(
    trx,
  )
}
