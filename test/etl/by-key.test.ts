import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { listOpenStreams, moveCursors, openStreams } from '../../src/db/service-calls.ts'
import { companies, contacts, notes } from '../../src/etl/extract/amocrm/entities.ts'
import { comments, follows, likes, posts } from '../../src/etl/extract/instagram/entities.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { writeRaw } from '../../src/etl/load/raw-records.ts'
import { sortPage } from '../../src/etl/sort-page.ts'
import type { Entity } from '../../src/etl/stream.ts'
import { album } from '../instagram/records.ts'
import { createDatabase } from '../support/database.ts'
import { heldCall, seedsOf } from './support/streams.ts'

const phones = (n: number) =>
  Array.from({ length: 1 + (n % 2) }, (_, i) => ({ value: `+7912${n}${i}`, enum_code: 'WORK' }))
const person = (n: number) => ({ pk: `90${n}`, username: `user${n}` })

/** Records of an entity by their number, as they are before and after they changed. */
const records: [Entity<unknown>, (n: number, changed: string) => object][] = [
  [companies, (id, name) => ({ id: id + 1, name })],
  [
    contacts,
    (id, name) => ({
      id: id + 1,
      name,
      _embedded: { companies: [] },
      custom_fields_values: [
        { field_code: 'PHONE', values: phones(name === 'before' ? id : id + 1) },
      ],
    }),
  ],
  [notes, (id, text) => ({ id: id + 1, entity_id: 1, note_type: 'common', params: { text } })],
  [posts, (n, caption_text) => album([`8${n}`], { pk: `37${n}`, code: `C${n}`, caption_text })],
  [
    comments,
    (n, text) => ({
      pk: `17${n}`,
      media_id: '371',
      text,
      user: person(n),
      created_at: 1_767_600_000,
    }),
  ],
  [likes, (n, full_name) => ({ media_id: '371', user: { ...person(n), full_name } })],
  [
    follows,
    (n, full_name) => ({
      profile_pk: '1',
      follower: { ...person(n), full_name },
      followee: { pk: '1', username: 'one' },
    }),
  ],
]

test.each(records.map(([entity, record]) => ({ entity, record, name: entity.entity })))(
  'pages of $name are written by key: none goes over what else is there, though a new table has no statistics',
  async ({ entity, record }) => {
    const { db } = await createDatabase()
    // As many as it takes for the plans to be kept, and then some.
    const pages = Array.from({ length: 10 }, (_, page) =>
      Array.from({ length: 100 }, (__, n) => record(page * 100 + n, 'before')),
    )
    pages.push(
      ...['before', 'after'].map((how) => Array.from({ length: 100 }, (_, n) => record(n, how))),
    )
    const looked = await db.transaction().execute(async (trx) => {
      for (const page of pages) {
        const serviceCallId = randomUUID()
        const sorted = await sortPage(entity, page)
        const fetchedAt = new Date()
        const raw = sorted.raw.map((one) => ({ ...one, serviceCallId, fetchedAt }))
        await writeRaw(trx, raw, entity)
        const { good, rejects } = await sorted.transformed()
        expect(rejects).toEqual([])
        const rows = good.map(({ row }) =>
          Object.assign({}, row, { service_call_id: serviceCallId }),
        )
        await entity.load(trx, rows)
      }
      return await sql<{ table: string; at: number; inserted: number }>`
        select schemaname || '.' || relname as table, seq_tup_read::int + idx_tup_fetch::int as at, n_tup_ins::int as inserted
        from pg_stat_xact_user_tables where schemaname in ('raw', 'public') and n_tup_ins > 0`.execute(
        trx,
      )
    })
    expect(looked.rows).not.toEqual([])
    for (const { table, at, inserted } of looked.rows)
      expect(at, `rows of ${table} that were looked at`).toBeLessThan(inserted * 4)
  },
)

test('cursors are moved by key: that a call has very many open streams costs nothing', async () => {
  const { db, lease } = await heldCall(await createDatabase())
  const names = Array.from({ length: 2000 }, (_, n) => `post ${n}`)
  const seeds = seedsOf(...names).map((seed) => ({ ...seed, operation: 'numbered' }))
  await openStreams(db, lease, 'instagram', seeds)
  const stream = { service: 'instagram', operation: 'numbered' } as const
  const open = await listOpenStreams(db, lease.call.id, stream, { limit: 200 })
  const looked = await db.transaction().execute(async (trx) => {
    // As the statement that writes raw records leaves it.
    await sql`set local plan_cache_mode = force_generic_plan`.execute(trx)
    for (let n = 0; n < open.length; n += 10) {
      const moves = open.slice(n, n + 10).map(({ id, pages }) => ({
        id,
        pages,
        cursor: null,
        done: true,
        requests: newMeter(),
        rows: { read: 0, inserted: 0, updated: 0, unchanged: 0, rejected: 0 },
      }))
      expect(await moveCursors(trx, lease, moves)).toBe(true)
    }
    return await sql<{ at: number; updated: number }>`
      select sum(seq_tup_read + idx_tup_fetch)::int as at, sum(n_tup_upd)::int as updated
      from pg_stat_xact_user_tables where relname like 'service_calls_%'`.execute(trx)
  })
  expect(looked.rows[0]?.updated).toBe(200)
  expect(looked.rows[0]?.at).toBeLessThan(200 * 4)
})
