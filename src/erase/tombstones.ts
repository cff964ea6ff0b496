import { sql, type Transaction } from 'kysely'
import type { Db } from '../db/connect.ts'
import type { DB } from '../db/schema.generated.ts'
import { holdPagesUp, tombstoneOf } from '../etl/erased/tombstones.ts'
import { namesOf, type Person } from './find-person.ts'

/**
 * Notes who asks to erase a person, and sets the tombstones. One that was begun and is not at its end is gone on with. Answers the
 * erasure's id.
 */
export async function openErasure(
  db: Db | Transaction<DB>,
  person: Person,
  by: string,
): Promise<number> {
  if (db.isTransaction) return await setTombstones(db as Transaction<DB>, person, by)
  return await db.transaction().execute(async (trx) => {
    await holdPagesUp(trx)
    return await setTombstones(trx, person, by)
  })
}

async function setTombstones(trx: Transaction<DB>, person: Person, by: string): Promise<number> {
  const { kind, source, things } = person
  const stones = [
    ...namesOf(person).map((name) => ({ hash: tombstoneOf(source, name), is_person: true })),
    ...things.map((name) => ({ hash: tombstoneOf(source, name), is_person: false })),
  ]
  const { rows } = await sql<{ id: number }>`
    with stones as (
      select decode(hash, 'hex') as hash, bool_or(is_person) as is_person
      from jsonb_to_recordset(${JSON.stringify(stones)}::jsonb) as s (hash text, is_person boolean) group by hash
    ), begun as (
      select max(e.id) as id from ledger.erasures e join ledger.tombstones t on t.erasure_id = e.id
      where t.hash in (select hash from stones where is_person) and e.finished_at is null
    ), made as (
      insert into ledger.erasures (kind, asked_by) select ${kind}, ${by} from begun where id is null returning id
    ), erasure as (
      select id from begun where id is not null union all select id from made
    ), set as (
      insert into ledger.tombstones (hash, erasure_id, is_person) select hash, erasure.id, is_person from stones, erasure
      on conflict (hash) do nothing
    )
    select id from erasure`.execute(trx)
  return rows[0]?.id ?? 0
}
