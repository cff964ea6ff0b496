import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { keepHouse } from '../../src/db/keep-house.ts'
import { keepAtHand } from '../../src/db/pages-at-hand.ts'
import { Fault } from '../../src/errors.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import type { StreamDeps } from '../../src/etl/stream.ts'
import { openUnderWay } from '../../src/etl/under-way.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { heldCall, numbered, seedsOf } from './support/streams.ts'

let database: TestDatabase
let deps: StreamDeps
let asked: number[]
beforeEach(async () => {
  database = await createDatabase()
  deps = await heldCall(database)
  asked = []
})

const underWay = () => openUnderWay(() => ({ latencyMs: 250, intervalMs: 1000 / 7 }))

/** A list of five pages that notes what it is asked for; `write` may break a page's transaction. */
const list = (write: () => Promise<void> = async () => {}) => {
  const asUsual = numbered(5)
  return numbered(5, {
    async extract(cursor, tools) {
      asked.push(cursor.page)
      const { next, ...page } = await asUsual.extract(cursor, tools)
      // In another order than the database has it.
      return { ...page, next: next && { longer: 1, ...next } }
    },
    alsoWrite: write,
  })
}
const read = (one = list()) => runStreams(deps, one, seedsOf('a'), { underWay: underWay() })
const atHand = async () =>
  await deps.db
    .selectFrom('ledger.pages_at_hand')
    .select(['page', 'cursor'])
    .orderBy('page')
    .execute()
const ids = async () => {
  const rows = await deps.db
    .selectFrom('raw.records')
    .select('external_id')
    .orderBy('external_id')
    .execute()
  return rows.map((row) => row.external_id)
}

/** Breaks off when its third page is to be written, and the fourth one may have come. */
async function brokenOff(): Promise<void> {
  let pages = 0
  const broken = list(async () => {
    if (++pages === 3) throw new Fault('lease_lost', 'away')
  })
  await expect(read(broken)).rejects.toMatchObject({ kind: 'lease_lost' })
  expect(asked).toEqual([1, 2, 3, 4])
}

test('a page that came is not asked for again, but written by the attempt after; then it is no longer at hand', async () => {
  await brokenOff()
  const kept = (await atHand()).map(({ page }) => page)
  expect(kept[0]).toBe(2)
  asked = []
  await read()
  // The fourth was under way: whether it came before all was over is chance.
  expect(asked).toEqual(kept.includes(3) ? [5] : [4, 5])
  expect(await ids()).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5'])
  expect(await atHand()).toEqual([])
})

test('it is asked for again ten minutes later', async () => {
  await brokenOff()
  await sql`update ledger.pages_at_hand set kept_at = now() - interval '11 minutes'`.execute(
    deps.db,
  )
  asked = []
  await read()
  expect(asked).toEqual([3, 4, 5])
})

test('it is not written where its stream goes on from another place', async () => {
  await brokenOff()
  await sql`update ledger.service_calls set cursor = jsonb_build_object('page', 4)`.execute(deps.db)
  asked = []
  await read()
  expect(asked).toEqual([4, 5])
  expect(await ids()).toEqual(['a 1', 'a 2', 'a 4', 'a 5'])
  expect(await atHand()).toEqual([])
})

test('it is as old as when it was asked for', async () => {
  await brokenOff()
  const askedAt = new Date('2026-01-05T08:00:00Z')
  await sql`update ledger.pages_at_hand set asked_at = ${askedAt}`.execute(deps.db)
  await read()
  const third = await deps.db
    .selectFrom('raw.records')
    .select('fetched_at')
    .where('external_id', '=', 'a 3')
    .executeTakeFirst()
  expect(third?.fetched_at).toEqual(askedAt)
})

test('of a stream that failed nothing is at hand, so that it is asked anew', async () => {
  let pages = 0
  const broken = list(async () => {
    if (++pages === 2) throw new Error('not this one')
  })
  await expect(read(broken)).rejects.toMatchObject({ kind: 'streams' })
  expect(await atHand()).toEqual([])
})

test('an attempt that no longer holds the call keeps nothing; what nobody came for is gone after ten minutes', async () => {
  const place = { id: crypto.randomUUID(), pages: 0, cursor: null }
  await keepAtHand(deps.db, deps.lease, place, {}, new Date())
  expect(await atHand()).toHaveLength(1)
  await keepHouse(deps.db)
  expect(await atHand()).toHaveLength(1)
  await sql`update ledger.pages_at_hand set kept_at = now() - interval '11 minutes'`.execute(
    deps.db,
  )
  await keepHouse(deps.db)
  expect(await atHand()).toEqual([])

  await sql`update ledger.job_calls set lease_token = gen_random_uuid()`.execute(deps.db)
  await keepAtHand(deps.db, deps.lease, place, {}, new Date())
  expect(await atHand()).toEqual([])
})
