import { sql, type Transaction } from 'kysely'
import { storable } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import { lastTombstone } from '../erased/tombstones.ts'

export interface RawRecord {
  id: string
  /** The payload as JSON. */
  json: string
  /** SHA-256, in hex, of what counts for changes. */
  hash: string
}

/** A record with the stream that brought it, and when that asked for it. */
export type FetchedRecord = RawRecord & { serviceCallId: string; fetchedAt: Date }

/** Ids, by what became of them; the others were unchanged. */
export interface RawWritten {
  inserted: Set<string>
  updated: Set<string>
  /** Records of which something fetched later is stored already. */
  stale: Set<string>
  /** Whether any record of this kind waits as a reject. */
  haveRejects: boolean
  /** The last tombstone (see `requireKnown`); undefined where there was nothing to write. */
  lastTombstone: number | undefined
}

/**
 * Keeps raw records, each id once: new ones, and those whose content changed; what was fetched later is never overwritten.
 * The rows go in by id, so that two pages with the same records lock them in the same order. The transaction's statements after this
 * one keep their plans: the planner else takes longer to move the cursors than that takes, since it counts all partitions.
 */
export async function writeRaw(
  trx: Transaction<DB>,
  records: readonly FetchedRecord[],
  { source, entity }: { source: string; entity: string },
): Promise<RawWritten> {
  if (records.length === 0)
    return {
      inserted: new Set(),
      updated: new Set(),
      stale: new Set(),
      haveRejects: false,
      lastTombstone: undefined,
    }
  const incoming = toRows(records)
  const { rows } = await sql<{
    id: string | null
    inserted: boolean | null
    tombstone: number | null
  }>`
    with incoming as materialized (
      select r.id, r.payload, decode(r.hash, 'hex') as hash, o.fetched_at, o.service_call_id
      from jsonb_to_recordset(${incoming.records}::jsonb) as r (id text, payload jsonb, hash text, origin int)
      join jsonb_to_recordset(${incoming.origins}::jsonb) as o (origin int, fetched_at timestamptz, service_call_id uuid) using (origin)
    ), written as (
      insert into raw.records as stored (source, entity, external_id, payload, content_hash, fetched_at, service_call_id)
      select ${source}, ${entity}, id, payload, hash, fetched_at, service_call_id from incoming order by id
      on conflict (source, entity, external_id) do update set
        payload = excluded.payload, content_hash = excluded.content_hash,
        fetched_at = excluded.fetched_at, service_call_id = excluded.service_call_id
      where stored.content_hash <> excluded.content_hash and stored.fetched_at <= excluded.fetched_at
      returning external_id, xmax = 0 as inserted
    ), unwritten as materialized (
      select id, hash from incoming i where not exists (select from written w where w.external_id = i.id)
    ), latest as materialized (
      -- Locked (again), since only that shows what was committed while this statement waited for the rows.
      -- A lateral subquery, not a join: the planner, which takes the new table for empty, would go over all records of the kind
      -- for each of these.
      select u.id, u.hash, r.content_hash from unwritten u cross join lateral (
        select content_hash from raw.records
        where source = ${source} and entity = ${entity} and external_id = u.id for no key update
      ) as r
    )
    select external_id as id, inserted, null::bigint as tombstone from written
    union all
    select id, null, null from latest where content_hash <> hash
    union all
    select null, exists (select from ledger.rejects where source = ${source} and entity = ${entity} and closed_at is null), ${lastTombstone}
    from (select set_config('plan_cache_mode', 'force_generic_plan', true)) as planned`.execute(trx)
  const idsWhere = (inserted: boolean | null) =>
    new Set(rows.flatMap((row) => (row.id !== null && row.inserted === inserted ? row.id : [])))
  return {
    inserted: idsWhere(true),
    updated: idsWhere(false),
    stale: idsWhere(null),
    haveRejects: rows.some((row) => row.id === null && row.inserted),
    lastTombstone: rows.find(({ tombstone }) => tombstone !== null)?.tombstone ?? undefined,
  }
}

/** The payloads are JSON already: put together, not made again. What many records share is told once. */
function toRows(records: readonly FetchedRecord[]): { records: string; origins: string } {
  const origins = new Map<string, number>()
  const originOf = ({ fetchedAt, serviceCallId }: FetchedRecord) => {
    const told = `"fetched_at":"${fetchedAt.toISOString()}","service_call_id":"${serviceCallId}"`
    const known = origins.get(told) ?? origins.size
    origins.set(told, known)
    return known
  }
  const rows = records.map(
    (record) =>
      `{"id":${JSON.stringify(record.id)},"hash":"${record.hash}","origin":${originOf(record)},"payload":${record.json}}`,
  )
  const numbered = [...origins].map(([told, origin]) => `{"origin":${origin},${told}}`)
  return { records: storable(`[${rows.join(',')}]`), origins: `[${numbered.join(',')}]` }
}
