import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { leftOver, nothing } from './support/calls.ts'
import { contentOf, insertedMinusStored, lostBy, startCrmWorld } from './support/crm-world.ts'
import { killHard } from './support/workers.ts'

const kills = 20

test('npm run job, killed 20 times and typed again, ends as an undisturbed run', async () => {
  const world = await startCrmWorld({ contacts: 7500, latencyMs: 60, perSecond: 5 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const { db } = database
  const env = world.envOf(database)
  const start = (args: string[]) => startProgram('src/cli/job.ts', ['crm-contacts', ...args], env)
  const attempts = async () => {
    const { rows } = await sql<{
      calls: number
      attempts: number
      running: boolean
    }>`select count(*) as calls, coalesce(sum(attempt), 0)::int as attempts, bool_or(status = 'running') as running from ledger.job_calls`.execute(
      db,
    )
    return rows[0] ?? { calls: 0, attempts: 0, running: false }
  }

  const cameBefore: number[] = []
  let beforeTakeUp = 0
  for (let kill = 0; kill < kills; kill++) {
    const before = await attempts()
    const job = start([])
    let over = false
    void job.exited.then(() => (over = true))
    // Every fourth one at any moment of its start: between writing the call and taking it up, too.
    if (kill % 4 === 0) await setTimeout(150 + Math.random() * 700)
    else {
      await until('another attempt', async () => {
        return over || (await attempts()).attempts > before.attempts
      })
      await setTimeout(Math.random() * 600)
    }
    expect({ over, kill, output: job.output() }).toMatchObject({ over: false })
    await killHard(job)
    cameBefore.push((await world.asked()).length)
    if ((await attempts()).attempts === before.attempts) beforeTakeUp++
  }

  // Resumed, killed as soon as it says so, resumed.
  const { rows } = await sql<{ id: string }>`select id from ledger.job_calls`.execute(db)
  const id = rows[0]?.id ?? ''
  const resumed = start(['--resume', id])
  await until('it says what it takes up', () => resumed.output().includes('taking up job call'))
  await killHard(resumed)
  cameBefore.push((await world.asked()).length)
  const last = start(['--resume', id])
  expect({ code: await last.exited, output: last.output() }).toMatchObject({ code: 0 })

  const requests = await world.asked()
  const lost = lostBy(cameBefore, requests, undisturbed.requests)
  const again = lost.reduce((sum, pages) => sum + pages, 0)
  console.log(
    `${kills + 1} kills of npm run job, ${beforeTakeUp} of them before the call was taken up: ${again} pages asked for again (of one kill ${lost.join(' ')}), ` +
      `${requests.length} requests (undisturbed ${undisturbed.requests.length}), ${(await attempts()).attempts} attempts`,
  )
  expect((await attempts()).calls).toBe(1)
  expect(await contentOf(db)).toEqual(undisturbed.content)
  expect(await insertedMinusStored(db)).toBe(0)
  expect(Math.max(...lost)).toBeLessThanOrEqual(2)
  expect({ ...(await leftOver(db)), wakeUps: 0 }).toEqual(nothing)
}, 150_000)
