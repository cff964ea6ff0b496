import { sql, type Transaction } from 'kysely'
import type { DB } from '../../db/schema.generated.ts'
import { toJsonb } from './json.ts'

export interface RawRecord {
  id: string
  payload: unknown
  /** What counts for changes, where that is not all of the payload. */
  content?: unknown
}

/** Ids, by what became of them; the others were unchanged. */
export interface RawWritten {
  inserted: Set<string>
  updated: Set<string>
  /** Records of which something fetched later is stored already. */
  stale: Set<string>
}

/**
 * Keeps raw records: new ones, and those whose content changed; what was fetched later is never overwritten.
 * The rows go in by id, so that two pages with the same records lock them in the same order.
 */
export async function writeRaw(
  trx: Transaction<DB>,
  records: readonly RawRecord[],
  origin: { source: string; entity: string; fetchedAt: Date; serviceCallId: string },
): Promise<RawWritten> {
  // jsonb prints equal content equally, whatever the order of keys it came in: its text can be hashed.
  const { rows } = await sql<{ id: string; inserted: boolean | null }>`
    with incoming as (
      select id, payload, sha256(convert_to(coalesce(content, payload)::text, 'UTF8')) as hash
      from jsonb_to_recordset(${toJsonb(records)}::jsonb) as r (id text, payload jsonb, content jsonb)
    ), written as (
      insert into raw.records as stored (source, entity, external_id, payload, content_hash, fetched_at, service_call_id)
      select ${origin.source}, ${origin.entity}, id, payload, hash, ${origin.fetchedAt}::timestamptz, ${origin.serviceCallId}::uuid
      from incoming order by id
      on conflict (source, entity, external_id) do update set
        payload = excluded.payload, content_hash = excluded.content_hash,
        fetched_at = excluded.fetched_at, service_call_id = excluded.service_call_id
      where stored.content_hash <> excluded.content_hash and stored.fetched_at <= excluded.fetched_at
      returning external_id, xmax = 0 as inserted
    )
    select i.id, w.inserted from incoming i
    left join written w on w.external_id = i.id
    left join raw.records r on r.source = ${origin.source} and r.entity = ${origin.entity} and r.external_id = i.id
    where w.external_id is not null or r.content_hash is distinct from i.hash`.execute(trx)
  const idsWhere = (inserted: boolean | null) =>
    new Set(rows.filter((row) => row.inserted === inserted).map((row) => row.id))
  return { inserted: idsWhere(true), updated: idsWhere(false), stale: idsWhere(null) }
}
