import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { introduceJobs } from '../../src/db/ticks.ts'
import { enqueueDueTicks } from '../../src/jobs/enqueue-due-ticks.ts'
import { createLog } from '../../src/log.ts'
import { createDatabase } from '../support/database.ts'

const log = createLog('silent')

test('the first sight of a job catches nothing up, and counts from then', async () => {
  const { db, look, ticks } = await startSchedule('* * * * *')
  await sql`update ledger.schedules set last_tick = '2026-03-01T00:00:30Z'`.execute(db)
  await look('2026-03-01T00:00:59Z')
  expect(await ticks()).toEqual([])
  await look('2026-03-01T00:01:00Z')
  expect(await ticks()).toEqual(['2026-03-01T00:01:00'])
})

test('after an hour of downtime, missed ticks are queued by the policy', async () => {
  expect(await queuedBy('none', 10)).toEqual([])
  expect(await queuedBy('last', 10)).toEqual(['01:00'])
  expect(await queuedBy('all', 4)).toEqual(['00:30', '00:40', '00:50', '01:00'])
  expect(await queuedBy('all', 100)).toEqual(['00:10', '00:20', '00:30', '00:40', '00:50', '01:00'])
})

test('a clock that is set back makes no tick twice, and none is left out when it has caught up', async () => {
  const { db, look, ticks } = await startSchedule('*/10 * * * *', 'UTC', '2026-03-01T00:00:05Z')
  await look('2026-03-01T00:20:10Z')
  expect(await ticks()).toHaveLength(1)
  await look('2026-02-28T23:25:00Z')
  await look('2026-03-01T00:05:00Z')
  await look('2026-03-01T00:20:30Z')
  expect(await ticks()).toEqual(['2026-03-01T00:20:00'])
  await look('2026-03-01T00:30:00Z')
  expect(await ticks()).toEqual(['2026-03-01T00:20:00', '2026-03-01T00:30:00'])

  // Counted again from before, as after a restore: what was handed out is a row with a key.
  await sql`update ledger.schedules set last_tick = '2026-03-01T00:15:00Z', catch_up = 'all'`.execute(
    db,
  )
  await sql`select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs`.execute(
    db,
  )
  await look('2026-03-01T00:31:00Z')
  expect(await ticks()).toHaveLength(2)
  expect((await sql`select from graphile_worker.jobs`.execute(db)).rows).toHaveLength(0)
})

test('paused time and the time before a change are not caught up', async () => {
  const { db, look, ticks } = await startSchedule('*/10 * * * *', 'UTC', '2026-03-01T00:00:05Z')
  await sql`update ledger.schedules set paused = true, catch_up = 'all'`.execute(db)
  await look('2026-03-01T00:45:00Z')
  await sql`update ledger.schedules set paused = false`.execute(db)
  await look('2026-03-01T00:49:59Z')
  expect(await ticks()).toEqual([])
  await look('2026-03-01T00:50:01Z')
  expect(await ticks()).toEqual(['2026-03-01T00:50:00'])

  await sql`update ledger.schedules set expression = '*/5 * * * *'`.execute(db)
  await look('2026-03-01T01:22:00Z')
  expect(await ticks()).toHaveLength(1)
  await look('2026-03-01T01:25:00Z')
  expect(await ticks()).toEqual(['2026-03-01T00:50:00', '2026-03-01T01:25:00'])
})

test('a schedule that cannot be read says so, and runs again once it is put right', async () => {
  const { db, look, ticks } = await startSchedule('*/10 * * * *', 'UTC', '2026-03-01T00:00:05Z')
  await sql`update ledger.schedules set expression = 'every day'`.execute(db)
  await look('2026-03-01T00:10:00Z')
  await look('2026-03-01T00:15:00Z')
  const error = async () => (await sql`select error from ledger.schedules`.execute(db)).rows
  expect(await error()).toEqual([{ error: expect.stringContaining('"every day"') }])
  await sql`update ledger.schedules set expression = '*/10 * * * *'`.execute(db)
  await look('2026-03-01T00:16:00Z')
  await look('2026-03-01T00:20:00Z')
  expect(await error()).toEqual([{ error: null }])
  expect(await ticks()).toEqual(['2026-03-01T00:20:00'])
})

test('on the day that summer begins and the day that it ends, a nightly job runs once', async () => {
  // 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
  expect(await nights('2026-03-27T22:00:00Z', '2026-03-30T04:00:00Z')).toEqual([
    '2026-03-28T01:30:00',
    '2026-03-29T01:30:00',
    '2026-03-30T00:30:00',
  ])
  expect(await nights('2026-10-23T22:00:00Z', '2026-10-26T04:00:00Z')).toEqual([
    '2026-10-24T00:30:00',
    '2026-10-25T00:30:00',
    '2026-10-26T01:30:00',
  ])
})

test('ten schedulers that look at the same moments queue each tick once', async () => {
  const { look, ticks, db } = await startSchedule('* * * * *', 'UTC', '2026-03-01T00:00:05Z')
  for (let minute = 1; minute <= 20; minute++) {
    const at = new Date(Date.UTC(2026, 2, 1, 0, minute, 1)).toISOString()
    await Promise.all(Array.from({ length: 10 }, () => look(at)))
  }
  expect(await ticks()).toHaveLength(20)
  const { rows } = await sql`select count(*) as wakeups from graphile_worker.jobs`.execute(db)
  expect(rows).toEqual([{ wakeups: 20 }])
})

test('a tick that no worker has opened yet stands in ledger.runs as queued', async () => {
  const { look, db } = await startSchedule('* * * * *', 'UTC', '2026-03-01T00:00:05Z')
  await look('2026-03-01T00:01:00Z')
  const { rows } =
    await sql`select id, job, trigger, status, scheduled_for from ledger.runs`.execute(db)
  expect(rows).toEqual([
    {
      id: null,
      job: 'nightly',
      trigger: 'cron',
      status: 'queued',
      scheduled_for: new Date('2026-03-01T00:01:00Z'),
    },
  ])
})

/** Which ticks an hour of downtime leaves in the queue. */
async function queuedBy(policy: string, cap: number) {
  const { look, ticks, db } = await startSchedule('*/10 * * * *', 'UTC', '2026-03-01T00:00:05Z')
  await sql`update ledger.schedules set catch_up = ${policy}, catch_up_cap = ${cap}`.execute(db)
  await look('2026-03-01T01:01:30Z')
  const queued = await ticks()
  const { rows } = await sql<{ key: string }>`
      select key from graphile_worker.jobs order by id`.execute(db)
  expect(rows.map(({ key }) => key)).toEqual(queued.map((at) => `tick:nightly:${at}.000Z`))
  return queued.map((at) => at.slice(11, 16))
}

/** The ticks of a job at 02:30 in Berlin, looked for every quarter of an hour. */
async function nights(from: string, to: string) {
  const { look, ticks } = await startSchedule('30 2 * * *', 'Europe/Berlin', from)
  for (let at = Date.parse(from); at <= Date.parse(to); at += 15 * 60_000) {
    await look(new Date(at).toISOString())
  }
  return await ticks()
}

/** A schedule of the job `nightly`, counted from a moment on, and a look at it at another. */
async function startSchedule(expression: string, timezone = 'UTC', countedFrom?: string) {
  const { db } = await createDatabase()
  const schedule = [{ job: 'nightly', expression, timezone }]
  await introduceJobs(db, ['nightly'])
  if (countedFrom) {
    await sql`update ledger.schedules set last_tick = ${countedFrom}, counted_expression = ${expression}, counted_timezone = ${timezone}`.execute(
      db,
    )
  }
  return {
    db,
    look: (at: string) => enqueueDueTicks(db, log, schedule, new Date(at)),
    ticks: () => ticksIn(db),
  }
}

async function ticksIn(db: Db): Promise<string[]> {
  const { rows } = await sql<{ at: string }>`
    select to_char(scheduled_for at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS') as at from ledger.ticks order by scheduled_for`.execute(
    db,
  )
  return rows.map(({ at }) => at)
}
