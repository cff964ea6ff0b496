import { sql } from 'kysely'
import { beforeEach, expect, test } from 'vitest'
import { keepHouse } from '../../src/db/keep-house.ts'
import { keepAtHand } from '../../src/db/pages-at-hand.ts'
import { Fault } from '../../src/errors.ts'
import { newMeter } from '../../src/etl/extract/http-client.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import type { StreamDeps } from '../../src/etl/stream.ts'
import { openUnderWay } from '../../src/etl/under-way.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { heldCall, type Numbered, numbered, seedsOf } from './support/streams.ts'

let database: TestDatabase
let deps: StreamDeps
let asked: number[]
beforeEach(async () => {
  database = await createDatabase()
  deps = await heldCall(database)
  asked = []
})

const underWay = () => openUnderWay(() => ({ latencyMs: 250, intervalMs: 1000 / 7 }))

/** A list of five pages that notes what it is asked for; `write` may break a transaction. */
const list = (but: Partial<Numbered> = {}) => {
  const asUsual = numbered(5)
  return numbered(5, {
    async extract(cursor, tools) {
      asked.push(cursor.page)
      tools.context.meter.requests++
      const { next, ...page } = await asUsual.extract(cursor, tools)
      // In another order than the database has it.
      return { ...page, next: next && { longer: 1, ...next } }
    },
    ...but,
  })
}
const read = (one = list()) => runStreams(deps, one, seedsOf('a'), { underWay: underWay() })
const breaksAt = (id: string, error: Error) =>
  list({
    async alsoWrite(_trx, pages) {
      if (pages.some(({ ids }) => ids.includes(id))) throw error
    },
  })

const stream = () =>
  deps.db.selectFrom('ledger.service_calls').selectAll().executeTakeFirstOrThrow()
/** By their numbers in the list. */
const atHand = async () => {
  const kept = await deps.db
    .selectFrom('ledger.pages_at_hand')
    .select('page')
    .orderBy('page')
    .execute()
  return kept.map(({ page }) => page + 1)
}
const ids = async () => {
  const rows = await deps.db
    .selectFrom('raw.records')
    .select('external_id')
    .orderBy('external_id')
    .execute()
  return rows.map((row) => row.external_id)
}

/** Breaks off when its third page is to be written, and those after it may have come. Answers how many were written. */
async function brokenOff(): Promise<number> {
  const broken = breaksAt('a 3', new Fault('lease_lost', 'away'))
  await expect(read(broken)).rejects.toMatchObject({ kind: 'lease_lost' })
  const { pages } = await stream()
  expect(pages).toBeLessThan(3)
  expect((await atHand()).slice(0, 3 - pages)).toEqual([1, 2, 3].slice(pages))
  asked = []
  return pages
}

test('a page that came is not asked for again, but written by the attempt after; then it is no longer at hand', async () => {
  const written = await brokenOff()
  const kept = await atHand()
  await read()
  expect(asked).toEqual([1, 2, 3, 4, 5].slice(written).filter((page) => !kept.includes(page)))
  expect(await ids()).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5'])
  expect(await atHand()).toEqual([])
})

test('it is asked for again ten minutes later', async () => {
  const written = await brokenOff()
  await sql`update ledger.pages_at_hand set kept_at = now() - interval '11 minutes'`.execute(
    deps.db,
  )
  await read()
  expect(asked).toEqual([1, 2, 3, 4, 5].slice(written))
})

test('it is not written where its stream goes on from another place', async () => {
  const written = await brokenOff()
  await sql`update ledger.service_calls set cursor = jsonb_build_object('page', 4)`.execute(deps.db)
  await read()
  expect(asked).toEqual([4, 5])
  expect(await ids()).toEqual([...['a 1', 'a 2'].slice(0, written), 'a 4', 'a 5'])
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
  await expect(read(breaksAt('a 2', new Error('not this one')))).rejects.toMatchObject({
    kind: 'streams',
  })
  expect(await atHand()).toEqual([])
})

/** As long as it takes for another page to come and be kept, if one was asked for. */
async function aLittle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await sql`select 1`.execute(deps.db)
}

/** Reads with the first page's transaction held up until `wanted` pages came. Answers what was written together. */
async function heldUp(wanted: number, one: Numbered): Promise<string[][]> {
  const together: string[][] = []
  const holding: Numbered = {
    ...one,
    async alsoWrite(trx, pages) {
      together.push(pages.flatMap((page) => page.ids))
      if (together.length === 1) await until('they came', () => asked.length >= wanted)
      await one.alsoWrite?.(trx, pages)
    },
  }
  await runStreams(deps, holding, seedsOf('a'))
  return together
}

test('small pages that came while one was written are written together, and count each', async () => {
  const meanwhile = list({ readAhead: 'kept' })
  expect(await heldUp(5, meanwhile)).toEqual([
    ['a 1'],
    expect.arrayContaining(['a 2', 'a 3', 'a 4']),
  ])
  expect(asked).toEqual([1, 2, 3, 4, 5])
  expect(await ids()).toEqual(['a 1', 'a 2', 'a 3', 'a 4', 'a 5'])
  expect(await stream()).toMatchObject({ status: 'done', pages: 5, rows_inserted: 5, cursor: null })
  expect(await atHand()).toEqual([])
})

test('where one of them cannot be written, those before it are, and none after it', async () => {
  const refusing = breaksAt('a 3', new Error('not this one'))
  const meanwhile: Numbered = { ...refusing, readAhead: 'kept' }
  await expect(heldUp(5, meanwhile)).rejects.toMatchObject({ kind: 'streams' })
  expect(await ids()).toEqual(['a 1', 'a 2'])
  expect(await stream()).toMatchObject({ status: 'failed', pages: 2, cursor: { page: 3 } })
  expect(await atHand()).toEqual([])
})

test('each request counts once, also of pages that another attempt writes', async () => {
  await expect(read(breaksAt('a 3', new Fault('lease_lost', 'away')))).rejects.toThrow('away')
  await read()
  expect(await stream()).toMatchObject({ pages: 5, requests: asked.length })
})

test('a page that could not be kept is not read past before it is written', async () => {
  // Its second page.
  await sql`alter table ledger.pages_at_hand add constraint not_this_one check (page <> 1)`.execute(
    deps.db,
  )
  const atOnce: number[] = []
  const asUsual = list({ readAhead: 'kept' })
  const slow: Numbered = {
    ...asUsual,
    async alsoWrite(_trx, pages) {
      if (pages.some((page) => page.ids.includes('a 1'))) {
        await until('the second one came', () => asked.length >= 2)
        await aLittle()
        atOnce.push(...asked)
      }
    },
  }
  await runStreams(deps, slow, seedsOf('a'))
  expect(atOnce).toEqual([1, 2])
  expect(await stream()).toMatchObject({ status: 'done', pages: 5 })
})

test('however little is in them, no more than some pages are at hand', async () => {
  let atOnce = 0
  const many = numbered(40, {
    readAhead: 'kept',
    async extract({ page }) {
      asked.push(page)
      return { records: [], next: page < 40 ? { page: page + 1 } : null }
    },
    async alsoWrite() {
      if (atOnce > 0) return
      await until('some came', () => asked.length >= 6)
      await aLittle()
      atOnce = asked.length
    },
  })
  await runStreams(deps, many, seedsOf('a'))
  expect(atOnce).toBe(6)
  expect(await stream()).toMatchObject({ status: 'done', pages: 40 })
})

test('no page is asked for after a large one before that is taken up', async () => {
  const asUsual = list({ readAhead: 'kept' })
  let written = 0
  const ahead: number[] = []
  const large: Numbered = {
    ...asUsual,
    async extract(cursor, tools) {
      ahead.push(cursor.page - written)
      const page = await asUsual.extract(cursor, tools)
      return { ...page, records: Array.from({ length: 50 }, (_, n) => `a ${cursor.page} ${n}`) }
    },
    async alsoWrite(_trx, pages) {
      written += pages.length
      await until('the next one came', () => asked.length > Math.min(written, 4))
    },
  }
  await runStreams(deps, large, seedsOf('a'))
  expect(Math.max(...ahead)).toBe(2)
  expect(await stream()).toMatchObject({ status: 'done', pages: 5, rows_inserted: 250 })
})

test('the last page is not kept, nor one that may be the last: nothing is asked for after it before it is written', async () => {
  const kept: number[][] = []
  const ends = list({
    readAhead: 'kept',
    async extract(cursor, tools) {
      const page = await list().extract(cursor, tools)
      return { ...page, ...(cursor.page >= 3 && { endsUnless: 'new' as const }) }
    },
    alsoWrite: async () => void kept.push(await atHand()),
  })
  await runStreams(deps, ends, seedsOf('a'))
  expect(kept.flat().every((page) => page < 3)).toBe(true)
  expect(await stream()).toMatchObject({ status: 'done', pages: 5 })
})

test('an attempt that no longer holds the call keeps nothing; what nobody came for is gone after ten minutes', async () => {
  const place = { id: crypto.randomUUID(), pages: 0, cursor: null }
  const came = { page: {}, requests: newMeter() }
  await keepAtHand(deps.db, deps.lease, place, came, new Date())
  expect(await atHand()).toHaveLength(1)
  await keepHouse(deps.db)
  expect(await atHand()).toHaveLength(1)
  await sql`update ledger.pages_at_hand set kept_at = now() - interval '11 minutes'`.execute(
    deps.db,
  )
  await keepHouse(deps.db)
  expect(await atHand()).toEqual([])

  await sql`update ledger.job_calls set lease_token = gen_random_uuid()`.execute(deps.db)
  await keepAtHand(deps.db, deps.lease, place, came, new Date())
  expect(await atHand()).toEqual([])
})
