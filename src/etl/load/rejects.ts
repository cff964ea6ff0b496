import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.generated.ts'
import { toJsonb } from './json.ts'

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
  serviceCallId: string
}

/** Keeps records that failed validation, with the reason; the same record again renews its row. */
export async function writeRejects(
  trx: Transaction<DB>,
  rejects: readonly Reject[],
  origin: RejectOrigin,
): Promise<void> {
  if (rejects.length === 0) return
  await sql`
    insert into ledger.rejects as r (source, entity, external_id, payload, reason, job_call_id, service_call_id)
    select distinct on (key) ${origin.source}, ${origin.entity}, key, payload, reason, ${origin.jobCallId}::uuid, ${origin.serviceCallId}::uuid
    from (
      select coalesce(id, 'sha256:' || encode(sha256(convert_to(coalesce(payload, 'null')::text, 'UTF8')), 'hex')) as key, payload, reason
      from jsonb_to_recordset(${toJsonb(rejects)}::jsonb) as x (id text, payload jsonb, reason text)
    ) keyed order by key
    on conflict (source, entity, external_id) do update set
      payload = excluded.payload, reason = excluded.reason, job_call_id = excluded.job_call_id,
      service_call_id = excluded.service_call_id, last_seen_at = clock_timestamp(), closed_at = null`.execute(
    trx,
  )
}

/** Closes the rejects of records that now came well. */
export async function closeRejects(
  trx: Transaction<DB>,
  ids: readonly string[],
  origin: Pick<RejectOrigin, 'source' | 'entity'>,
): Promise<void> {
  await sql`
    update ledger.rejects set closed_at = clock_timestamp()
    where source = ${origin.source} and entity = ${origin.entity} and external_id = any(${ids}::text[]) and closed_at is null`.execute(
    trx,
  )
}
