import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cancelTree } from '../../src/db/cancel.ts'
import { resume } from '../../src/db/resume.ts'
import type { Db } from '../../src/db/connect.ts'
import { Fault } from '../../src/errors.ts'
import { runTree } from '../../src/jobs/run-tree.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { callOf, leftOver, nothing, queueCall, untilCall, untilStatus } from './support/calls.ts'
import { startEngine, testJob, treeOptions } from './support/engine.ts'
import { startThings } from './support/things.ts'

const family = testJob('family', async (run) => {
  const { children = 10, grandchildren = 0 } = run.params as Record<string, number>
  await run.children(
    Array.from({ length: children }, (_, n) => ({
      job: 'child',
      subject: `child ${n}`,
      params: { n, grandchildren },
    })),
  )
  return { own: 'done' }
})

/** How often each child ran, by its number; those named in `failing` fail. */
function startChildren() {
  const ran: number[] = []
  const failing = new Set<number>()
  const child = testJob('child', async (run) => {
    const { n = 0, grandchildren = 0 } = run.params as Record<string, number>
    ran.push(n)
    if (failing.has(n)) throw new Fault('bad_request', `child ${n} fails`)
    await run.children(
      Array.from({ length: grandchildren }, (_, m) => ({
        job: 'grandchild',
        subject: `grandchild ${n} ${m}`,
        params: {},
      })),
    )
    return {}
  })
  const grandchild = testJob('grandchild', async () => ({}))
  return { ran, failing, jobs: [family, child, grandchild] }
}

test('a job of its own does not wait behind the children of another', async () => {
  const database = await createDatabase()
  const gate = Promise.withResolvers<void>()
  const begun: string[] = []
  const child = testJob('child', async () => {
    begun.push('child')
    await gate.promise
    return {}
  })
  const small = testJob('small', async () => {
    begun.push('small')
    return {}
  })
  await startEngine(database, [family, child, small], { WORKER_CONCURRENCY: '1' })
  const many = await queueCall(database.db, 'family', { children: 20 })
  await until('a child runs', () => begun.length > 0)
  await queueCall(database.db, 'small')
  gate.resolve()
  await untilStatus(database.db, many, 'succeeded')
  expect(begun.indexOf('small')).toBeLessThan(4)
})

test('a parent of 200 children ends when the last of them has, whoever ends last', async () => {
  const database = await createDatabase()
  const { jobs } = startChildren()
  for (let worker = 0; worker < 3; worker++) {
    await startEngine(database, jobs, { WORKER_CONCURRENCY: '8' })
  }
  const many = await queueCall(database.db, 'family', { children: 200 })
  const deep = await queueCall(database.db, 'family', { children: 5, grandchildren: 3 }, 'deep')
  const ended = await untilStatus(database.db, many, 'succeeded')
  expect(ended.result).toEqual({ own: 'done', children: 200, failed: 0, cancelled: 0 })
  // As soon as the last child has ended, not when a sweeper comes by.
  const { rows } = await sql`
    select c.finished_at - max(k.finished_at) < interval '1 second' as at_once
    from ledger.job_calls c join ledger.job_calls k on k.parent_id = c.id
    where c.id = ${many} group by c.finished_at`.execute(database.db)
  expect(rows).toEqual([{ at_once: true }])
  // What is under them counts only where a parent names what it hands out.
  expect((await untilStatus(database.db, deep, 'succeeded')).result).toMatchObject({ children: 5 })
  await until('nothing is left over', async () => (await leftOver(database.db))?.wakeUps === 0)
  expect(await leftOver(database.db)).toEqual(nothing)
})

test('the last two children cannot miss each other', async () => {
  const database = await createDatabase()
  let arrived = 0
  let both = Promise.withResolvers<void>()
  const pair = testJob('child', async () => {
    if (++arrived % 2 === 0) both.resolve()
    await both.promise
    return {}
  })
  await startEngine(database, [family, pair])
  await endSlowly(database.db)
  for (let round = 0; round < 5; round++) {
    both = Promise.withResolvers()
    const id = await queueCall(database.db, 'family', { children: 2 }, `round ${round}`)
    const ended = await untilStatus(database.db, id, 'succeeded', 5000)
    expect(ended.result).toMatchObject({ children: 2, failed: 0 })
  }
})

test('failed children fail their parent, which says how many; resumed, just those run again', async () => {
  const database = await createDatabase()
  const { jobs, ran, failing } = startChildren()
  failing.add(3).add(7)
  await startEngine(database, jobs)
  const id = await queueCall(database.db, 'family', { children: 10, grandchildren: 1 })
  const failed = await untilStatus(database.db, id, 'failed')
  expect(failed.error).toMatchObject({ kind: 'children', message: '2 of 10 child calls failed' })
  expect(failed.result).toMatchObject({ children: 10, failed: 2 })

  failing.delete(3)
  ran.length = 0
  expect(await resumeIn(database.db, id)).toBe(true)
  const again = await untilStatus(database.db, id, 'failed')
  expect(again.error).toMatchObject({ message: '1 of 10 child calls failed' })
  // Its own work is done.
  expect(again.attempt).toBe(1)
  expect(new Set(ran)).toEqual(new Set([3, 7]))

  // One child alone: its parent is opened again and ends with it.
  failing.clear()
  ran.length = 0
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls where parent_id = ${id} and status = 'failed'`.execute(
    database.db,
  )
  expect(await resumeIn(database.db, rows[0]?.id ?? '')).toBe(true)
  expect((await untilStatus(database.db, id, 'succeeded')).error).toBeNull()
  expect(ran).toEqual([7])
})

test('a parent whose own work failed after it added children runs it again when resumed', async () => {
  const database = await createDatabase()
  let works = false
  const halfway = testJob('family', async (run) => {
    await run.children([{ job: 'child', subject: 'only', params: { n: 1 } }])
    if (!works) throw new Fault('bad_request', 'its own work fails')
    return { own: 'done' }
  })
  const { jobs, failing } = startChildren()
  failing.add(1)
  await startEngine(database, [halfway, ...jobs.slice(1)])
  const id = await queueCall(database.db, 'family')
  await untilStatus(database.db, id, 'failed')
  await until('the child has failed too', async () => (await leftOver(database.db))?.calls === 0)

  // The child alone makes no success of a parent that failed by itself.
  failing.clear()
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls where parent_id = ${id}`.execute(database.db)
  await resumeIn(database.db, rows[0]?.id ?? '')
  await untilStatus(database.db, rows[0]?.id ?? '', 'succeeded')
  expect((await callOf(database.db, id)).status).toBe('failed')

  works = true
  await resumeIn(database.db, id)
  const ended = await untilStatus(database.db, id, 'succeeded')
  expect(ended).toMatchObject({ attempt: 2, result: { own: 'done', children: 1 } })
})

test('npm run job runs its own tree and nothing else, while a worker helps', async () => {
  const database = await createDatabase()
  const { db } = database
  const { jobs, ran } = startChildren()
  const helped = startChildren()
  const stranger = await queueCall(db, 'family', { children: 2 }, 'stranger')
  const own = await queueCall(db, 'family', { children: 30 }, 'own')
  const alone = await runTree(own, treeOptions(database, jobs))
  expect(alone.status).toBe('succeeded')
  expect(ran).toHaveLength(30)
  expect((await callOf(db, stranger)).status).toBe('queued')

  const shared = await queueCall(db, 'family', { children: 60 }, 'shared')
  ran.length = 0
  const [tree] = await Promise.all([
    runTree(shared, treeOptions(database, jobs)),
    startEngine(database, helped.jobs),
  ])
  expect(tree.status).toBe('succeeded')
  const ofShared = await db
    .selectFrom('ledger.job_calls')
    .select('attempt')
    .where('parent_id', '=', shared)
    .execute()
  expect(ofShared.map(({ attempt }) => attempt)).toEqual(Array.from({ length: 60 }, () => 1))
  await untilStatus(db, stranger, 'succeeded')
})

test('npm run job of one child leaves its brothers alone', async () => {
  const database = await createDatabase()
  const { db } = database
  const { jobs, ran, failing } = startChildren()
  failing.add(0).add(1)
  const id = await queueCall(db, 'family', { children: 2 })
  expect((await runTree(id, treeOptions(database, jobs))).status).toBe('failed')
  ran.length = 0
  failing.clear()
  await resumeIn(db, id)
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls where parent_id = ${id} order by id`.execute(db)
  expect((await runTree(rows[0]?.id ?? '', treeOptions(database, jobs))).status).toBe('succeeded')
  expect(ran).toEqual([0])
})

test('cancelling ends the whole tree within 5 s: queued, waiting and running, with who asked', async () => {
  const database = await createDatabase()
  const { db } = database
  const things = await startThings(2)
  things.answer((path) => (path.includes('page=1') ? 'hang' : 200))
  const child = testJob('child', (run) => things.read(run, [`of-${String(run.params['n'])}`]))
  await startEngine(database, [family, child], { WORKER_CONCURRENCY: '3' })
  const id = await queueCall(db, 'family', { children: 200 })
  await until('three requests hang', () => {
    return things.asked.filter((asked) => asked.includes('page=1')).length === 3
  })
  expect((await callOf(db, id)).status).toBe('waiting')

  const begun = performance.now()
  const cancelled = await cancelTree(db, id, 'anna')
  expect(cancelled).toEqual({ ended: 197, stopping: 4, analyses: 0 })
  await cancelTree(db, id, 'someone later')
  const ended = await untilCall(db, id, 'it has ended', (call) => call.finished_at !== null, 8000)
  const ms = performance.now() - begun
  console.log(`a tree of 201 calls was cancelled in ${(ms / 1000).toFixed(1)} s`)
  expect(ms).toBeLessThan(5000)
  expect(ended).toMatchObject({ status: 'cancelled', cancel_requested_by: 'anna' })
  expect(await statuses(db)).toEqual([{ status: 'cancelled', by: 'anna', calls: 201 }])
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0)

  // And it can be taken up again.
  things.answer(() => 200)
  expect(await resumeIn(db, id)).toBe(true)
  await untilStatus(db, id, 'succeeded', 30_000)
}, 60_000)

test('a call that is cancelled while its worker gives it back ends, instead of waiting for ever', async () => {
  const database = await createDatabase()
  const { db } = database
  const running = Promise.withResolvers<void>()
  const onCue = Promise.withResolvers<void>()
  const job = testJob('stops', async () => {
    running.resolve()
    await onCue.promise
    throw new Fault('upstream', 'try again later')
  })
  await startEngine(database, [job])
  const id = await queueCall(db, 'stops')
  await running.promise
  await cancelTree(db, id, 'anna')
  onCue.resolve()
  const ended = await untilStatus(db, id, 'cancelled', 5000)
  // By its own worker, not by a sweeper that finds it left behind.
  expect(ended).toMatchObject({ cancel_requested_by: 'anna', error: { kind: 'upstream' } })
})

test('a call that is cancelled adds no children any more', async () => {
  const database = await createDatabase()
  const { db } = database
  const running = Promise.withResolvers<void>()
  const onCue = Promise.withResolvers<void>()
  const job = testJob('family', async (run) => {
    running.resolve()
    await onCue.promise
    await run.children([{ job: 'child', subject: '', params: {} }])
    return {}
  })
  await startEngine(database, [job, ...startChildren().jobs.slice(1)])
  const id = await queueCall(db, 'family')
  await running.promise
  await cancelTree(db, id, 'anna')
  onCue.resolve()
  await untilStatus(db, id, 'cancelled', 5000)
  expect(await statuses(db)).toEqual([{ status: 'cancelled', by: 'anna', calls: 1 }])
})

/** Between its end and its commit, each child takes a while: long enough for its brother to end too. */
async function endSlowly(db: Db): Promise<void> {
  await sql`create function slowly() returns trigger language plpgsql as 'begin perform pg_sleep(0.2); return null; end'`.execute(
    db,
  )
  await sql`create trigger slowly after update on ledger.job_calls for each row
    when (new.status = 'succeeded' and new.parent_id is not null) execute function slowly()`.execute(
    db,
  )
}

const resumeIn = (db: Db, id: string) =>
  db.transaction().execute((trx) => resume(trx, id, { wake: true }))

async function statuses(db: Db) {
  const { rows } = await sql`
    select status, cancel_requested_by as by, count(*) as calls from ledger.job_calls group by 1, 2`.execute(
    db,
  )
  return rows
}
