import { hash } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { type FetchedRecord, writeRaw } from '../../src/etl/load/raw-records.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const kind = { source: 'amocrm', entity: 'contacts' }

const record = (name: string, fetchedAt: string): FetchedRecord => {
  const json = JSON.stringify({ name })
  return {
    id: '1',
    json,
    hash: hash('sha256', json),
    serviceCallId: '01a20529-0595-77d3-af7c-ea97057c39de',
    fetchedAt: new Date(fetchedAt),
  }
}

test('an answer that waits for a later one to be written is stale', async () => {
  const { db } = await createDatabase()
  const [early, late] = [
    record('early', '2026-01-01T00:00:00Z'),
    record('late', '2026-01-01T00:00:01Z'),
  ]
  await db.transaction().execute((trx) => writeRaw(trx, [early], kind))
  const later = await db.startTransaction().execute()
  expect((await writeRaw(later, [late], kind)).updated).toEqual(new Set(['1']))
  const earlier = db.transaction().execute((trx) => writeRaw(trx, [early], kind))
  await until('the earlier one waits', async () => {
    const { rows } = await sql`
      select from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and a.datname = current_database()`.execute(db)
    return rows.length > 0
  })
  await later.commit().execute()
  expect((await earlier).stale).toEqual(new Set(['1']))
})
