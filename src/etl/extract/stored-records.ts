import { type RawBuilder, sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { Kept } from '../stream.ts'
import { parseJson } from './parse-json.ts'

/** Which of the records of an entity; nothing given: all. */
export interface Chosen {
  /** Fetched from here on. */
  since?: Date | undefined
  /** Fetched before. */
  until?: Date | undefined
  /** Last written by this call or one under it. */
  jobCall?: string | undefined
  /** Last written by this stream. */
  serviceCall?: string | undefined
}

/** A kind of record, by its names. */
export interface Kind {
  source: string
  entity: string
}

export interface StoredRecord {
  payload: unknown
  kept: Kept
}

/** Raw records by id, those after `after`; one more page where as many come as were asked for. */
export async function readRecords(
  db: Db,
  { source, entity }: Kind,
  chosen: Chosen,
  { after, limit }: { after: string; limit: number },
): Promise<{ records: StoredRecord[]; last: string | undefined }> {
  const { rows } = await sql<StoredRow & { external_id: string; hash: string }>`
    select r.external_id, r.payload::text, encode(r.content_hash, 'hex') as hash, r.fetched_at, r.service_call_id
    from raw.records r
    where r.source = ${source} and r.entity = ${entity} and r.external_id > ${after} and ${isChosen('fetched_at', chosen)}
    order by r.external_id limit ${limit}`.execute(db)
  // What is a number in there was one when it came: long integers came as strings, and are stored so (see `parseJson`). Postgres
  // writes large numbers out, digit for digit, and these are not to become strings now.
  const records = rows.map((row) =>
    toRecord(row, JSON.parse, { raw: { id: row.external_id, hash: row.hash } }),
  )
  return { records, last: rows.at(-1)?.external_id }
}

/** Open rejects that the raw records don't hold: those without an id, and those put right by hand. */
export async function readRejects(
  db: Db,
  kind: Kind,
  chosen: Chosen,
  { after, limit }: { after: number; limit: number },
): Promise<{ records: StoredRecord[]; last: number | undefined }> {
  const { rows } = await sql<StoredRow & { id: number; external_id: string }>`
    select r.id, r.external_id, r.payload::text, r.last_seen_at as fetched_at, r.service_call_id
    from ledger.rejects r where r.id > ${after} and ${isForReplay(kind, chosen)}
    order by r.id limit ${limit}`.execute(db)
  // Put right by hand, it may hold an id with more digits than a number has.
  const records = rows.map((row) => toRecord(row, parseJson, { reject: row.external_id }))
  return { records, last: rows.at(-1)?.id }
}

export async function countRecords(
  db: Db,
  { source, entity }: Kind,
  chosen: Chosen,
): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from raw.records r
    where r.source = ${source} and r.entity = ${entity} and ${isChosen('fetched_at', chosen)}`.execute(
    db,
  )
  return rows[0]?.count ?? 0
}

/** How many `readRejects` answers, over all pages. */
export async function countRejects(db: Db, kind: Kind, chosen: Chosen): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) as count from ledger.rejects r where ${isForReplay(kind, chosen)}`.execute(db)
  return rows[0]?.count ?? 0
}

interface StoredRow {
  /** As text: digits beyond 2^53 would be lost. */
  payload: string | null
  fetched_at: Date
  service_call_id: string
}

function toRecord(
  { payload, fetched_at: fetchedAt, service_call_id: serviceCallId }: StoredRow,
  parse: (json: string) => unknown,
  whence: Pick<Kept, 'raw' | 'reject'>,
): StoredRecord {
  return {
    payload: payload === null ? null : parse(payload),
    kept: { ...whence, fetchedAt, serviceCallId },
  }
}

const isForReplay = ({ source, entity }: Kind, chosen: Chosen) => sql<boolean>`
  r.source = ${source} and r.entity = ${entity} and r.closed_at is null and ${isChosen('last_seen_at', chosen)}
  and not exists (
    select from raw.records n
    where n.source = r.source and n.entity = r.entity and n.external_id = r.external_id
      and (n.payload = r.payload or n.fetched_at > r.last_seen_at))`

function isChosen(
  time: 'fetched_at' | 'last_seen_at',
  { since, until, jobCall, serviceCall }: Chosen,
): RawBuilder<boolean> {
  const at = sql.ref(`r.${time}`)
  const conditions = [sql<boolean>`true`]
  if (since) conditions.push(sql`${at} >= ${since}`)
  if (until) conditions.push(sql`${at} < ${until}`)
  if (serviceCall) conditions.push(sql`r.service_call_id = ${serviceCall}::uuid`)
  if (jobCall) conditions.push(sql`r.service_call_id in (${streamsUnder(jobCall)})`)
  return sql.join(conditions, sql` and `)
}

const streamsUnder = (jobCall: string) => sql`
  with recursive tree as (
    select ${jobCall}::uuid as id
    union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
  )
  select s.id from ledger.service_calls s join tree t on s.job_call_id = t.id`
