import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { insertTicks, introduceJobs } from '../../src/db/ticks.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { startEngine, testJob } from './support/engine.ts'

test('skip: a tick that finds the last call running is not run, and says why', async () => {
  const { db, started, finish } = await startTicking('skip')
  await tick(db, '2026-03-01T01:00:00Z')
  const first = await started(1)
  await tick(db, '2026-03-01T01:01:00Z')
  const skipped = await until('the second tick is skipped', async () => {
    return (await ticksOf(db))[1]?.skipped_reason
  })
  expect(skipped).toBe(`job call ${first[0]} was still running`)
  finish()
  // Told to end is not over yet: until it has settled, a tick would be skipped again.
  await until('the first call is over', async () => {
    const { rows } = await sql`select from ledger.job_calls where finished_at is not null`.execute(
      db,
    )
    return rows.length === 1
  })
  await tick(db, '2026-03-01T01:02:00Z')
  await started(2)
})

test('queue: a tick that finds the last call running waits for it, in order', async () => {
  const { db, started, finish, mostAtOnce } = await startTicking('queue')
  for (const minute of ['00', '01', '02']) await tick(db, `2026-03-01T01:${minute}:00Z`)
  await started(1)
  finish()
  const order = await started(3)
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls order by scheduled_for`.execute(db)
  expect(order).toEqual(rows.map(({ id }) => id))
  expect(mostAtOnce()).toBe(1)
  expect((await ticksOf(db)).map((row) => row.skipped_reason)).toEqual([null, null, null])
}, 40_000)

test('allow: ticks run side by side', async () => {
  const { db, started, mostAtOnce } = await startTicking('allow')
  for (const minute of ['00', '01', '02']) await tick(db, `2026-03-01T01:${minute}:00Z`)
  await started(3)
  expect(mostAtOnce()).toBe(3)
})

test('missed ticks that are all caught up run one after the other, where others would be skipped', async () => {
  const { db, started, finish, mostAtOnce } = await startTicking('skip')
  await sql`update ledger.schedules set catch_up = 'all'`.execute(db)
  const missed = ['00', '01', '02'].map((minute) => new Date(`2026-03-01T01:${minute}:00Z`))
  await db.transaction().execute((trx) => insertTicks(trx, 'slow', missed))
  finish()
  const order = await started(3)
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls order by scheduled_for`.execute(db)
  expect(order).toEqual(rows.map(({ id }) => id))
  expect(mostAtOnce()).toBe(1)
}, 40_000)

/** A worker whose job `slow` runs until it may finish. */
async function startTicking(overlap: string) {
  const database = await createDatabase()
  const { db } = database
  const began: string[] = []
  const mayFinish = Promise.withResolvers<void>()
  let [atOnce, mostAtOnce] = [0, 0]
  const slow = testJob('slow', async ({ call }) => {
    began.push(call.id)
    mostAtOnce = Math.max(mostAtOnce, ++atOnce)
    await mayFinish.promise
    atOnce--
    return {}
  })
  await introduceJobs(db, ['slow'])
  await sql`update ledger.schedules set overlap = ${overlap}`.execute(db)
  await startEngine(database, [slow])
  onTestFinished(() => mayFinish.resolve())
  const started = (count: number) =>
    until(`${count} calls have started`, () => began.length >= count && began, 30_000)
  return { db, started, finish: mayFinish.resolve, mostAtOnce: () => mostAtOnce }
}

/** A tick as the scheduler queues it at its time. */
async function tick(db: Db, at: string): Promise<void> {
  await db.transaction().execute((trx) => insertTicks(trx, 'slow', [new Date(at)]))
}

async function ticksOf(db: Db) {
  return await db.selectFrom('ledger.ticks').selectAll().orderBy('scheduled_for').execute()
}
