import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { resume } from '../../src/db/resume.ts'
import { parseParams } from '../../src/jobs/catalog.ts'
import { instagram } from '../../src/jobs/instagram.ts'
import { askedAgain, lostBy } from '../engine/support/crm-world.ts'
import { leftOver, nothing, queueCall, untilStatus } from '../engine/support/calls.ts'
import { killHard, startWorkerProcess, stopGently } from '../engine/support/workers.ts'
import { createDatabase } from '../support/database.ts'
import type { Program } from '../support/program.ts'
import { until } from '../support/until.ts'
import { contentOf } from './support/content.ts'
import { compare } from './support/tables.ts'
import { instagramWorld } from './support/world.ts'

const kills = 30
const parallel = 2
/** Fewer than a worker takes, so that one that is killed leaves nothing that has to wait for its turn. */
const profiles = 6
const leaseSeconds = 2
/** What the promise allows for taking up: LEASE_SECONDS + 10 s. */
const promisedMs = (leaseSeconds + 10) * 1000

test('a run whose two workers are killed 30 times ends as an undisturbed one', async () => {
  const world = await instagramWorld({
    profiles,
    postsPerProfile: { min: 30, max: 55 },
    commentsPerPost: { zero: 0.5, min: 1, max: 40, skew: 3 },
    stories: 2,
    highlights: 2,
    latencyMs: 20,
  })
  const parts = [
    'profile',
    'posts',
    'reels',
    'comments',
    'replies',
    'followers',
    'stories',
    'highlights',
  ]
  const params = parseParams(instagram, { usernames: await world.usernames(), parts, parallel })
  await world.succeed(params)
  const undisturbed = await contentOf(world.db)
  const undisturbedRequests = (await world.requests()).length
  expect((await compare(world.db, world, ['profiles', 'posts', 'comments'])).differences).toEqual(
    [],
  )

  await world.forgetRequests()
  const { db, url } = await createDatabase()
  const env = {
    ...world.env,
    // As slow as it takes for all kills to meet work.
    INSTAGRAM_REQUESTS_PER_SECOND: '8',
    DATABASE_URL: url,
    LEASE_SECONDS: String(leaseSeconds),
    LOG_LEVEL: 'warn',
  }
  const workers: Program[] = [startWorkerProcess(env), startWorkerProcess(env)]
  const id = await queueCall(db, instagram.name, params, instagram.subject?.(params))
  const cameBefore: number[] = []
  const takeovers: Promise<Takeover>[] = []
  const killedAt: number[] = []
  let resumed = 0
  for (let kill = 0; kill < kills; kill++) {
    const held = await until('a worker holds calls', async () => {
      resumed += await resumeFailed(db, id)
      const [one] = await heldBy(db, workers)
      return one
    })
    await setTimeout(Math.random() * 500)
    const calls = (await heldBy(db, [held.worker])).flatMap((one) => one.calls)
    await killHard(held.worker)
    killedAt.push(performance.now())
    cameBefore.push((await world.requests()).length)
    for (const call of calls) {
      const takeover = takenUp(db, call)
      takeover.catch(() => {}) // Awaited at the end.
      takeovers.push(takeover)
    }
    workers.splice(workers.indexOf(held.worker), 1, startWorkerProcess(env))
  }
  await until(
    'it is over',
    async () => {
      resumed += await resumeFailed(db, id)
      return (await untilStatus(db, id, 'succeeded', 500).catch(() => undefined)) !== undefined
    },
    90_000,
  )
  // Where both workers were dead, from the moment on when the second one was.
  const takeoverMs = (await Promise.all(takeovers))
    .filter(({ failed }) => !failed)
    .map(({ at }) => at - (killedAt.findLast((kill) => kill < at) ?? 0))
  const slowest = Math.max(...takeoverMs)

  const requests = (await world.requests()).map(({ path, query }) => `${path}?${query}`)
  const [again, lost] = [askedAgain(requests), lostBy(cameBefore, requests)]
  console.log(
    `${kills} kills of workers: ${again} pages asked for again (of one kill ${lost.join(' ')}), ${requests.length} requests (undisturbed ${undisturbedRequests}), ` +
      `resumed ${resumed} times, slowest of ${takeoverMs.length} takeovers ${(slowest / 1000).toFixed(1)} s`,
  )
  expect(await contentOf(db)).toEqual(undisturbed)
  expect(Math.max(...lost)).toBeLessThanOrEqual(profiles * parallel)
  expect(again).toBe(lost.reduce((sum, pages) => sum + pages, 0))
  expect(slowest).toBeLessThan(promisedMs)
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0, 10_000)
  for (const worker of workers) expect((await stopGently(worker)).code).toBe(0)
  expect(await leftOver(db)).toEqual(nothing)
}, 240_000)

interface Held {
  worker: Program
  calls: { id: string; attempt: number }[]
}

/** Which of these processes hold profiles, and which; the one that holds most first. */
async function heldBy(db: Db, workers: readonly Program[]): Promise<Held[]> {
  const { rows } = await sql<{ id: string; attempt: number; worker: string }>`
    select id, attempt, worker from ledger.job_calls where status = 'running' and job = 'instagram-profile'`.execute(
    db,
  )
  const byPid = Map.groupBy(rows, ({ worker }) => Number(worker.split(':').at(-2)))
  return workers
    .map((worker) => ({ worker, calls: byPid.get(worker.child.pid ?? 0) ?? [] }))
    .filter(({ calls }) => calls.length > 0)
    .toSorted((a, b) => b.calls.length - a.calls.length)
}

interface Takeover {
  at: number
  /** Crashes used up its attempts: nobody goes on with it by himself. */
  failed: boolean
}

/** When somebody else went on with a call, or it was over. */
async function takenUp(
  db: Db,
  { id, attempt }: { id: string; attempt: number },
): Promise<Takeover> {
  const failed = await until(
    `another attempt of ${id}`,
    async () => {
      const { rows } = await sql<{ failed: boolean }>`
        select status = 'failed' as failed from ledger.job_calls
        where id = ${id} and (attempt > ${attempt} or finished_at is not null)`.execute(db)
      return rows[0]
    },
    60_000,
  )
  return { at: performance.now(), ...failed }
}

/** Five crashes in a row without a page between them end a call: an operator lets it go on. */
async function resumeFailed(db: Db, rootId: string): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    select id from ledger.job_calls where root_id = ${rootId} and status = 'failed' and job = 'instagram-profile'`.execute(
    db,
  )
  for (const { id } of rows)
    await db.transaction().execute((trx) => resume(trx, id, { wake: true }))
  return rows.length
}
