import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { moveWatermark } from '../../src/db/watermarks.ts'
import type { Job } from '../../src/jobs/job.ts'
import { runTree } from '../../src/jobs/run-tree.ts'
import { startCall } from '../../src/jobs/start-call.ts'
import { createDatabase } from '../support/database.ts'
import { queueCall } from './support/calls.ts'
import { testJob, treeOptions } from './support/engine.ts'
import { startThings } from './support/things.ts'

test('a new call goes on from the cursors that a failed one left', async () => {
  const { things, run, pagesOf } = await startReading()
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  const failed = await run()
  expect(failed).toMatchObject({ status: 'failed', error: { kind: 'streams' } })
  expect(await pagesOf(failed.id)).toEqual({ a: 10, b: 6 })

  things.answer(() => 200)
  things.asked.length = 0
  const next = await run()
  expect(next).toMatchObject({ status: 'succeeded', attempt: 1, adopted_from: failed.id })
  expect(next.reading_since).toEqual(failed.reading_since)
  expect(things.asked).toEqual(['GET /b?page=6', 'GET /b?page=7', 'GET /b?page=8', 'GET /b?page=9'])
})

test('an adopted cursor that got no further is adopted again', async () => {
  const { things, run } = await startReading()
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  await run()
  expect((await run()).status).toBe('failed')
  things.answer(() => 200)
  things.asked.length = 0
  expect((await run()).status).toBe('succeeded')
  expect(things.asked).toHaveLength(4)
})

test('a cursor older than cursorMaxAge is not adopted, however often it has been tried since', async () => {
  const { db, things, run } = await startReading({ cursorMaxAgeMs: 3_600_000 })
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  await run()
  await sql`update ledger.service_calls set updated_at = updated_at - interval '50 minutes'`.execute(
    db,
  )
  const tried = await run()
  expect(tried.adopted_from).not.toBeNull()
  await sql`update ledger.service_calls set updated_at = updated_at - interval '15 minutes'`.execute(
    db,
  )
  things.answer(() => 200)
  things.asked.length = 0
  const afresh = await run()
  expect(afresh).toMatchObject({ status: 'succeeded', adopted_from: null })
  expect(things.asked).toHaveLength(20)
})

test('a call after one that succeeded, or one that was asked to start afresh, adopts nothing', async () => {
  const { db, things, run, job, options } = await startReading()
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  await run()
  things.answer(() => 200)
  things.asked.length = 0
  const { id, takenUp } = await startCall(db, job, {}, { fresh: true })
  expect(takenUp).toBeUndefined()
  expect(await runTree(id, options)).toMatchObject({ status: 'succeeded', adopted_from: null })
  expect(things.asked).toHaveLength(20)
  expect((await run()).adopted_from).toBeNull()
})

test('npm run job takes up what failed, whatever the order of its parameters; --new ends what was left behind', async () => {
  const { db, things, job, options } = await startReading()
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  const first = await startCall(db, job, { x: 1, y: { p: 1, q: 2 } })
  expect((await runTree(first.id, options)).status).toBe('failed')
  const again = await startCall(db, job, { y: { q: 2, p: 1 }, x: 1 })
  expect(again).toMatchObject({ id: first.id, takenUp: { status: 'failed' } })

  // It was written and never taken up: as after a kill in between.
  await expect(startCall(db, job, { x: 2 })).rejects.toThrow(`job call ${first.id} is queued`)
  const afresh = await startCall(db, job, { x: 1, y: { p: 1, q: 2 } }, { fresh: true })
  expect(afresh.id).not.toBe(first.id)
  const { rows } = await sql`
    select id, status, cancel_requested_by as by from ledger.job_calls order by id`.execute(db)
  expect(rows).toEqual([
    { id: first.id, status: 'cancelled', by: 'npm run job -- --new' },
    { id: afresh.id, status: 'queued', by: null },
  ])
})

test('a watermark moves with the end of its stream: not when that fails, and never backwards', async () => {
  const noon = new Date('2026-03-01T12:00:00Z')
  const { db, things, run } = await startReading({}, noon)
  things.answer((path) => (path === '/b?page=6' ? 400 : 200))
  await run()
  expect(await watermarks(db)).toEqual({ a: noon })
  things.answer(() => 200)
  const { id } = await run()
  expect(await watermarks(db)).toEqual({ a: noon, b: noon })
  const key = { job: 'reading', service: 'instagram', operation: 'things', subject: 'a' } as const
  await db
    .transaction()
    .execute((trx) => moveWatermark(trx, key, new Date('2026-03-01T11:00:00Z'), id))
  expect(await watermarks(db)).toEqual({ a: noon, b: noon })
})

/** A job that reads the lists `a` and `b`, ten pages each, and how to run it in calls of its own. */
async function startReading(more: Pick<Job, 'cursorMaxAgeMs'> = {}, watermark?: Date) {
  const database = await createDatabase()
  const { db } = database
  const things = await startThings()
  const job = testJob('reading', (run) => things.read(run, ['a', 'b'], watermark), more)
  const options = treeOptions(database, [job])
  return {
    db,
    job,
    things,
    options,
    run: async () => await runTree(await queueCall(db, 'reading'), options),
    pagesOf: async (id: string) => {
      const rows = await db
        .selectFrom('ledger.service_calls')
        .select(['subject', 'pages'])
        .where('job_call_id', '=', id)
        .execute()
      return Object.fromEntries(rows.map(({ subject, pages }) => [subject, pages]))
    },
  }
}

async function watermarks(db: Db) {
  const rows = await db.selectFrom('ledger.watermarks').select(['subject', 'value']).execute()
  return Object.fromEntries(rows.map(({ subject, value }) => [subject, value]))
}
