import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { runProgram, startProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { callOf, leftOver, nothing, queueCall, untilStatus } from './support/calls.ts'
import { askedAgain, contentOf, startCrmWorld } from './support/crm-world.ts'
import { startWorkerProcess, stopGently } from './support/workers.ts'

test('SIGTERM: finishes the pages at hand, gives the lease back, exits 0; another goes on at once', async () => {
  const world = await startCrmWorld({ contacts: 2000, latencyMs: 150 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const { db } = database
  const worker = startWorkerProcess(world.envOf(database))
  const id = await queueCall(db, 'crm-contacts')
  await until('requests are under way', async () => (await world.asked()).length >= 4)
  const { code, ms } = await stopGently(worker)
  expect(code).toBe(0)
  expect(ms).toBeLessThan(10_000)
  const given = await callOf(db, id)
  expect(given).toMatchObject({ status: 'queued', failures: 0, error: { kind: 'interrupted' } })
  const pages = await db.selectFrom('ledger.service_calls').select('pages').execute()
  const written = pages.reduce((sum, row) => sum + row.pages, 0)
  // Every page that was asked for.
  expect(written).toBe((await world.asked()).length)

  startWorkerProcess(world.envOf(database))
  await untilStatus(db, id, 'succeeded')
  expect(askedAgain(await world.asked())).toBe(0)
  expect(await contentOf(db)).toEqual(undisturbed.content)
  console.log(
    `SIGTERM: stopped after ${Math.round(ms)} ms, ${written} pages written, none asked again`,
  )
})

test('SIGTERM while the upstream hangs: the request is given up after 5 s', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox()
  await sandbox.admin('POST', '/amocrm/faults', [{ kind: 'hang', times: null }])
  const worker = startWorkerProcess({ ...sandbox.env, DATABASE_URL: url })
  const id = await queueCall(db, 'crm-contacts')
  await until('a request hangs', async () => (await sandbox.requests()) > 0)
  const { code, ms } = await stopGently(worker)
  expect(code).toBe(0)
  expect(ms).toBeGreaterThan(4000)
  expect(ms).toBeLessThan(10_000)
  expect(await callOf(db, id)).toMatchObject({ status: 'queued' })
})

test('a second SIGTERM ends a worker at once', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox()
  await sandbox.admin('POST', '/amocrm/faults', [{ kind: 'hang', times: null }])
  const worker = startWorkerProcess({ ...sandbox.env, DATABASE_URL: url })
  await queueCall(db, 'crm-contacts')
  await until('a request hangs', async () => (await sandbox.requests()) > 0)
  worker.child.kill('SIGTERM')
  await until('it says so', () => worker.output().includes('stopping'))
  const { code, ms } = await stopGently(worker)
  expect(code).toBe(130)
  // The first one alone lets what hangs go on for four seconds at least.
  expect(ms).toBeLessThan(3000)
})

test('Ctrl-C on npm run job: exit code 130, and the line it prints goes on', async () => {
  const world = await startCrmWorld({ contacts: 2000, latencyMs: 150 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const env = world.envOf(database)
  const job = startProgram('src/cli/job.ts', ['crm-contacts'], env)
  await until('requests are under way', async () => (await world.asked()).length >= 4)
  job.child.kill('SIGINT')
  expect(await job.exited).toBe(130)
  const line = /npm run job -- (--resume \S+)/.exec(job.output())?.[1]
  expect(line).toBeDefined()
  expect(await leftOver(database.db)).toMatchObject({ calls: 1, leases: 0 })

  const resumed = await runProgram('src/cli/job.ts', line?.split(' ') ?? [], env)
  expect(resumed).toMatchObject({ code: 0 })
  expect(resumed.output).toContain('taking up job call')
  expect(askedAgain(await world.asked())).toBe(0)
  expect(await contentOf(database.db)).toEqual(undisturbed.content)
  expect({ ...(await leftOver(database.db)), wakeUps: 0 }).toEqual(nothing)
})
