import { sql, type Transaction } from 'kysely'
import type { DB } from '../db/schema.generated.ts'
import { entities } from '../etl/entities.ts'
import { type IsErased, scrubRecord } from '../etl/erased/scrub.ts'
import { parseJson } from '../etl/extract/parse-json.ts'
import { storable } from '../db/jsonb.ts'
import { stableJson } from '../etl/load/json.ts'
import { contentHash, sortPage } from '../etl/sort-page.ts'
import type { Entity, Kept } from '../etl/stream.ts'
import type { Person } from './find-person.ts'
import { redactor } from './redact.ts'
import { count, type Tally } from './tally.ts'

const atATime = 500

interface Stored {
  external_id: string
  payload: string
  /** In hex. */
  content_hash: string
  fetched_at: Date
  service_call_id: string
}

/**
 * Takes a person out of the raw records: theirs are deleted; others' that tell of them are rewritten without, as `scrubRecord`
 * does with what comes, and transformed again. One look at each record of the source.
 */
export async function eraseRecords(
  trx: Transaction<DB>,
  person: Person,
  isErased: IsErased,
  tally: Tally,
): Promise<void> {
  for (const entity of entities[person.source] as readonly Entity<object>[]) {
    for (let after = ''; ; ) {
      const rows = await listTelling(trx, person, entity, after)
      await eraseSome(trx, entity, rows, isErased, tally)
      after = rows.at(-1)?.external_id ?? after
      if (rows.length < atATime) break
    }
  }
}

/**
 * Records that may tell of the person: their id or name stands somewhere in them, or they hang on something of theirs. Without a
 * lock: most of them stay as they are.
 */
async function listTelling(
  trx: Transaction<DB>,
  person: Person,
  { source, entity }: Entity<object>,
  after: string,
): Promise<Stored[]> {
  const { patterns } = redactor(person)
  const { rows } = await sql<Stored>`
    select external_id, payload::text, encode(content_hash, 'hex') as content_hash, fetched_at, service_call_id from raw.records
    where source = ${source} and entity = ${entity} and external_id > ${after}
      and (payload::text ilike any(${patterns}::text[]) or payload ->> 'media_id' = any(${person.things}::text[])
        or payload #>> '{media,id}' = any(${person.things}::text[])
        or payload #>> '{media,shortcode}' = any(${person.things}::text[])
        or payload #>> '{highlight,id}' = any(${person.things}::text[]))
    order by external_id limit ${atATime}`.execute(trx)
  return rows
}

async function eraseSome(
  trx: Transaction<DB>,
  entity: Entity<object>,
  rows: readonly Stored[],
  isErased: IsErased,
  tally: Tally,
): Promise<void> {
  const looked = rows.map((row) => {
    const payload = JSON.parse(row.payload) as unknown
    return { row, payload, left: scrubRecord(entity, payload, isErased) }
  })
  const theirs = looked.flatMap(({ row, left }) => (left === undefined ? [row.external_id] : []))
  const others = looked.filter(({ payload, left }) => left !== undefined && left !== payload)
  const { source, entity: name } = entity
  const deleted = await sql`
    delete from raw.records where source = ${source} and entity = ${name} and external_id = any(${theirs}::text[])`.execute(
    trx,
  )
  count(tally, 'raw.records', 'deleted', deleted.numAffectedRows)
  if (others.length === 0) return

  const json = others.map(({ row, left }) => {
    const text = stableJson(left)
    return `{"id":${JSON.stringify(row.external_id)},"was":"${row.content_hash}","hash":"${contentHash(entity, text)}","payload":${text}}`
  })
  // A page that was written meanwhile knew of the tombstones, and is newer.
  const rewritten = await sql<{ id: string }>`
    update raw.records r set payload = n.payload, content_hash = decode(n.hash, 'hex')
    from jsonb_to_recordset(${storable(`[${json.join(',')}]`)}::jsonb) as n (id text, was text, hash text, payload jsonb)
    where r.source = ${source} and r.entity = ${name} and r.external_id = n.id and r.content_hash = decode(n.was, 'hex')
    returning r.external_id as id`.execute(trx)
  count(tally, 'raw.records', 'rewritten', rewritten.rows.length)

  const ids = new Set(rewritten.rows.map(({ id }) => id))
  const written = others.filter(({ row }) => ids.has(row.external_id))
  const kept = written.map(
    ({ row, left }): Kept => ({
      raw: { id: row.external_id, hash: contentHash(entity, stableJson(left)) },
      fetchedAt: row.fetched_at,
      serviceCallId: row.service_call_id,
    }),
  )
  const page = await sortPage(
    entity,
    written.map(({ left }) => left),
    kept,
  )
  const { good } = await page.transformed()
  const again = good.map(({ row, kept: whence }) => ({
    ...row,
    service_call_id: whence?.serviceCallId ?? '',
    fetched_at: whence?.fetchedAt.toISOString(),
  }))
  if (again.length > 0) await entity.load(trx, again)
}

/** The same with records that were refused. */
export async function eraseRejects(
  trx: Transaction<DB>,
  person: Person,
  isErased: IsErased,
  tally: Tally,
): Promise<void> {
  const redact = redactor(person)
  const { patterns } = redact
  const { rows } = await sql<{
    id: number
    entity: string
    external_id: string
    payload: string | null
    reason: string
  }>`
    select id, entity, external_id, payload::text, reason from ledger.rejects
    where source = ${person.source}
      and (payload::text ilike any(${patterns}::text[]) or external_id ilike any(${patterns}::text[])
        or reason ilike any(${patterns}::text[]) or payload ->> 'media_id' = any(${person.things}::text[]))
    for update`.execute(trx)
  const theirs: number[] = []
  const others: { id: number; payload: unknown; reason: string }[] = []
  for (const { id, entity, external_id: key, payload: json, reason } of rows) {
    const payload: unknown = json === null ? null : parseJson(json)
    const left = scrubRecord({ source: person.source, entity }, payload, isErased)
    const isOfThem = key.split(/[/_]/).some((part) => person.ids.includes(part))
    if (left === undefined || (isOfThem && entity !== 'companies')) theirs.push(id)
    else if (left !== payload || redact.text(reason) !== reason)
      others.push({ id, payload: left, reason: redact.text(reason) })
  }
  const deleted = await sql`delete from ledger.rejects where id = any(${theirs}::bigint[])`.execute(
    trx,
  )
  count(tally, 'ledger.rejects', 'deleted', deleted.numAffectedRows)
  if (others.length === 0) return
  const rewritten = await sql`
    update ledger.rejects r set payload = n.payload, reason = n.reason
    from jsonb_to_recordset(${storable(stableJson(others))}::jsonb) as n (id bigint, payload jsonb, reason text)
    where r.id = n.id`.execute(trx)
  count(tally, 'ledger.rejects', 'rewritten', rewritten.numAffectedRows)
}
