import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { resume } from '../../src/db/resume.ts'
import { createDatabase } from '../support/database.ts'
import type { Program } from '../support/program.ts'
import { until } from '../support/until.ts'
import { callOf, leftOver, nothing, queueCall, untilCall, untilStatus } from './support/calls.ts'
import { contentOf, insertedMinusStored, lostBy, startCrmWorld } from './support/crm-world.ts'
import { holderOf, killHard, startWorkerProcess, stopGently } from './support/workers.ts'

const kills = 20

test('a run whose workers are killed 20 times ends as an undisturbed one', async () => {
  // At the pace of the real one, where most pages are under way.
  const world = await startCrmWorld({ contacts: 25_000, latencyMs: 250, perSecond: 7 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const { db } = database
  const env = world.envOf(database)
  const workers = new Set<Program>([startWorkerProcess(env), startWorkerProcess(env)])
  const id = await queueCall(db, 'crm-contacts', crmParams)

  const takeovers: number[] = []
  // Five crashes in a row without a page between them end a call: an operator lets it go on.
  let resumed = 0
  const letItGoOn = async () => {
    resumed++
    await db.transaction().execute((trx) => resume(trx, id, { wake: true }))
  }
  const cameBefore: number[] = []
  let killedAt: number | undefined
  let attempt = 0
  for (let kill = 0; kill < kills; kill++) {
    const call = await untilCall(
      db,
      id,
      `attempt ${attempt + 1} runs`,
      (row) => (row.status === 'running' && row.attempt > attempt) || row.finished_at !== null,
    )
    if (call.status === 'failed') {
      await letItGoOn()
      kill--
      continue
    }
    expect({ ...call, kill }).toMatchObject({ finished_at: null })
    attempt = call.attempt
    if (killedAt !== undefined) takeovers.push(performance.now() - killedAt)
    await setTimeout(Math.random() * 1200)
    const { worker } = await callOf(db, id)
    const holder = holderOf([...workers], worker)
    if (!holder) throw new Error(`nobody is ${worker}`)
    killedAt = performance.now()
    await killHard(holder)
    cameBefore.push((await world.asked()).length)
    workers.delete(holder)
    workers.add(startWorkerProcess(env))
  }
  const over = await untilCall(db, id, 'it is over', (row) => row.finished_at !== null, 60_000)
  if (over.status === 'failed') await letItGoOn()
  await untilStatus(db, id, 'succeeded', 60_000)

  const requests = await world.asked()
  const lost = lostBy(cameBefore, requests, undisturbed.requests)
  const again = lost.reduce((sum, pages) => sum + pages, 0)
  const slowest = Math.max(...takeovers)
  console.log(
    `${kills} kills of workers: ${again} pages asked for again (of one kill ${lost.join(' ')}), ${requests.length} requests (undisturbed ${undisturbed.requests.length}), ` +
      `${attempt} attempts, resumed ${resumed} times, slowest takeover ${(slowest / 1000).toFixed(1)} s`,
  )
  expect(await contentOf(db)).toEqual(undisturbed.content)
  expect(await insertedMinusStored(db)).toBe(0)
  expect(Math.max(...lost)).toBeLessThanOrEqual(2)
  expect(slowest).toBeLessThan(12_000)
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0, 10_000)
  for (const worker of workers) expect((await stopGently(worker)).code).toBe(0)
  expect(await leftOver(db)).toEqual(nothing)
}, 240_000)

/** As the CLI stores them: with the defaults filled in. */
const crmParams = { notes: false, maxAgeMinutes: 0, full: false }
