import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { unblock } from '../../src/etl/extract/breaker.ts'
import { addWakeUps } from '../../src/db/wake-up.ts'
import type { Db } from '../../src/db/connect.ts'
import { Fault, Parked } from '../../src/errors.ts'
import { runTree } from '../../src/jobs/run-tree.ts'
import { createDatabase } from '../support/database.ts'
import { runProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { callOf, queueCall, untilCall, untilStatus } from './support/calls.ts'
import { startEngine, testJob, treeOptions } from './support/engine.ts'
import { killHard, startWorkerProcess } from './support/workers.ts'

const failing = testJob('failing', async () => {
  throw new Fault('upstream', 'not today', { service: 'amocrm' })
})

test('a fault that may pass is tried again after ever longer waits, and the fifth time is the last', async () => {
  const database = await createDatabase()
  const { db } = database
  await startEngine(database, [failing])
  const id = await queueCall(db, 'failing')
  const waits: number[] = []
  for (let attempt = 1; attempt <= 4; attempt++) {
    const call = await untilCall(db, id, `attempt ${attempt} has failed`, (row) => {
      return row.status === 'queued' && row.failures === attempt
    })
    expect(call).toMatchObject({ attempt, error: { kind: 'upstream', message: 'not today' } })
    waits.push((await secondsToNext(db, id)) ?? 0)
    await bringForward(db, id)
  }
  const ended = await untilStatus(db, id, 'failed')
  expect(ended).toMatchObject({ attempt: 5, next_attempt_at: null })
  for (const [n, seconds] of [30, 120, 480, 1920].entries()) {
    expect(waits[n]).toBeGreaterThan(seconds - 5)
    expect(waits[n]).toBeLessThanOrEqual(seconds * 1.1)
  }
})

test('a fault that will not pass is not tried again', async () => {
  const database = await createDatabase()
  const refused = testJob('refused', async () => {
    throw new Fault('forbidden', 'no right to this')
  })
  await startEngine(database, [refused])
  const id = await queueCall(database.db, 'refused')
  expect(await untilStatus(database.db, id, 'failed')).toMatchObject({ attempt: 1 })
})

test('a parked call waits, and goes on at its time', async () => {
  const database = await createDatabase()
  const { db } = database
  const parks = testJob('parks', async ({ call }) => {
    if (call.attempt === 1)
      throw new Parked('apollo', new Date(Date.now() + 3000), 'the hour is used up')
    return {}
  })
  await startEngine(database, [parks])
  const id = await queueCall(db, 'parks')
  const parked = await untilStatus(db, id, 'waiting')
  expect(parked).toMatchObject({
    failures: 0,
    error: { kind: 'rate_limited', service: 'apollo', message: expect.stringContaining('goes on') },
  })
  const ended = await untilStatus(db, id, 'succeeded', 10_000)
  const { rows } = await sql`
    select ${ended.finished_at} >= ${parked.next_attempt_at} as in_time, ${ended.finished_at}::timestamptz - ${parked.next_attempt_at} < interval '4 s' as soon`.execute(
    db,
  )
  expect(rows).toEqual([{ in_time: true, soon: true }])
})

test('npm run job makes one attempt, and leaves what is parked', async () => {
  const database = await createDatabase()
  const parks = testJob('parks', async () => {
    throw new Parked('apollo', new Date(Date.now() + 3_600_000), 'the hour is used up')
  })
  const parent = testJob('parent', async (run) => {
    await run.children([{ job: 'parks', subject: '', params: {} }])
    return {}
  })
  const options = treeOptions(database, [failing, parks, parent])
  const once = await queueCall(database.db, 'failing')
  expect(await runTree(once, options)).toMatchObject({ status: 'failed', attempt: 1 })
  const parked = await queueCall(database.db, 'parks', {}, 'alone')
  expect(await runTree(parked, options)).toMatchObject({ status: 'waiting' })
  const above = await queueCall(database.db, 'parent')
  expect(await runTree(above, options)).toMatchObject({ status: 'waiting', next_attempt_at: null })
})

test('a call that kills its worker each time ends failed at the fifth', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox()
  await sandbox.admin('POST', '/amocrm/faults', [{ kind: 'hang', times: null }])
  const env = { ...sandbox.env, DATABASE_URL: url, LEASE_SECONDS: '1' }
  const id = await queueCall(db, 'crm-contacts')
  for (let attempt = 1; attempt <= 5; attempt++) {
    const worker = startWorkerProcess(env)
    await untilCall(db, id, `attempt ${attempt}`, (call) => {
      return call.attempt === attempt && call.status === 'running'
    })
    await killHard(worker)
  }
  startWorkerProcess(env)
  const ended = await untilStatus(db, id, 'failed')
  expect(ended).toMatchObject({ attempt: 5, failures: 5, error: { kind: 'crashed' } })
}, 60_000)

test('an upstream that blocks the account stops another process too, until it is unblocked', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox()
  const env = { ...sandbox.env, DATABASE_URL: url }
  await sandbox.admin('POST', '/amocrm/faults', [
    { kind: 'status', status: 403, body: 'html', times: null },
  ])
  const blocked = await runProgram('src/cli/job.ts', ['crm-contacts'], env)
  expect(blocked.code).toBe(1)
  const asked = await sandbox.requests()
  expect(asked).toBeLessThanOrEqual(2)

  startWorkerProcess(env)
  const id = await queueCall(db, 'crm-contacts')
  const stopped = await untilStatus(db, id, 'failed')
  expect(stopped).toMatchObject({
    attempt: 1,
    error: { kind: 'blocked', hint: expect.stringContaining('unblock amocrm') },
  })
  expect(await sandbox.requests()).toBe(asked)

  await sandbox.admin('DELETE', '/amocrm/faults')
  await unblock(db, 'amocrm')
  const again = await queueCall(db, 'crm-contacts')
  await untilStatus(db, again, 'succeeded')
})

test('a worker dies, and its queue rows are free again; lost wake-ups come back', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox({ latencyMs: 800, contacts: 200 })
  const env = { ...sandbox.env, DATABASE_URL: url, LEASE_SECONDS: '2' }
  const worker = startWorkerProcess(env)
  const id = await queueCall(db, 'crm-contacts')
  await untilStatus(db, id, 'running')
  await killHard(worker)
  const locked = async () =>
    (await sql`select from graphile_worker.jobs where locked_by is not null`.execute(db)).rows
      .length
  expect(await locked()).toBe(1)
  startWorkerProcess(env)
  await until('the row is unlocked', async () => {
    const { rows } = await sql<{ stopped: boolean }>`
      select stopped_at is not null as stopped from ledger.workers order by started_at limit 1`.execute(
      db,
    )
    const { attempt } = await callOf(db, id)
    return rows[0]?.stopped && attempt === 2
  })
  await untilStatus(db, id, 'succeeded')
  await until('no row is left', async () => {
    return (await sql`select from graphile_worker.jobs`.execute(db)).rows.length === 0
  })
}, 60_000)

async function secondsToNext(db: Db, id: string): Promise<number | undefined> {
  const { rows } = await sql<{ seconds: number }>`
    select extract(epoch from next_attempt_at - clock_timestamp())::float8 as seconds from ledger.job_calls where id = ${id}`.execute(
    db,
  )
  return rows[0]?.seconds
}

/** As if its time had come. */
async function bringForward(db: Db, id: string): Promise<void> {
  await sql`update ledger.job_calls set next_attempt_at = clock_timestamp() where id = ${id}`.execute(
    db,
  )
  await addWakeUps(db, [{ jobCallId: id }])
}
