import { Client } from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startPrivatePostgres } from '../../src/embedded/private-server.ts'
import { createLog } from '../../src/log.ts'
import { createDatabase } from '../support/database.ts'
import { runProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { leftOver, nothing, queueCall, untilCall, untilStatus } from './support/calls.ts'
import { askedAgain, contentOf, insertedMinusStored, startCrmWorld } from './support/crm-world.ts'
import { startWorkerProcess, stopGently, untilReady } from './support/workers.ts'

test('a run outlives restarts and crashes of Postgres', async () => {
  const world = await startCrmWorld({ contacts: 4000, latencyMs: 60, perSecond: 6 })
  const undisturbed = await world.undisturbed()
  const server = await startPrivatePostgres({ fsync: false })
  onTestFinished(() => server.stop())
  const connection = connect(server.url, { log: createLog('silent'), max: 4 })
  onTestFinished(() => connection.close())
  await migrate(connection)
  const { db } = connection
  const env = { ...world.envOf(server), LOG_LEVEL: 'info' }
  const workers = [startWorkerProcess(env), startWorkerProcess(env)]
  for (const worker of workers) await untilReady(worker)
  const id = await queueCall(db, 'crm-contacts')

  for (const [pages, mode] of [
    [4, 'fast'],
    [9, 'immediate'],
    [14, 'fast'],
  ] as const) {
    await until(`${pages} requests`, async () => (await world.asked()).length >= pages)
    await server.restart(mode)
  }
  const ended = await until(
    'the run ends',
    async () => {
      const found = await db
        .selectFrom('ledger.job_calls')
        .selectAll()
        .where('id', '=', id)
        .execute()
        .catch(() => [])
      return found.find((call) => call.finished_at !== null)
    },
    60_000,
  )

  const again = askedAgain(await world.asked())
  console.log(`3 restarts of Postgres: ${again} pages asked for again, ${ended.attempt} attempts`)
  expect(ended).toMatchObject({ status: 'succeeded', error: null })
  expect(await contentOf(db)).toEqual(undisturbed.content)
  expect(await insertedMinusStored(db)).toBe(0)
  expect(again).toBeLessThanOrEqual(3 * 2)
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0)
  expect(await leftOver(db)).toEqual(nothing)
  for (const worker of workers) expect(await stopGently(worker)).toMatchObject({ code: 0 })
}, 120_000)

test('runs outlive the loss of all connections, five times a second', async () => {
  const world = await startCrmWorld({ contacts: 3000, latencyMs: 30, perSecond: 20 })
  const undisturbed = await world.undisturbed()
  const database = await createDatabase()
  const env = { ...world.envOf(database), LOG_LEVEL: 'info' }
  const worker = startWorkerProcess(env)
  await untilReady(worker)
  const id = await queueCall(database.db, 'crm-contacts')

  const cutter = await startCutting(database.url)
  await until('30 cuts', () => cutter.cuts() >= 30)
  await cutter.stop()
  const ended = await untilCall(
    database.db,
    id,
    'the run ends',
    (call) => call.finished_at !== null,
  )
  expect(ended).toMatchObject({ status: 'succeeded', error: null })
  const again = askedAgain(await world.asked())
  expect(await contentOf(database.db)).toEqual(undisturbed.content)
  expect(await insertedMinusStored(database.db)).toBe(0)

  // And a command, which makes one attempt: it comes to its end, or says why not and goes on when typed again.
  const commandCutter = await startCutting(database.url)
  const full = ['crm-contacts', '--full']
  let commandRuns = true
  const command = runProgram('src/cli/job.ts', full, env).finally(() => (commandRuns = false))
  await until('30 cuts, or the command ends', () => commandCutter.cuts() >= 30 || !commandRuns)
  await commandCutter.stop()
  const first = await command
  expect([0, 1]).toContain(first.code)
  expect(first.output).not.toContain('a fault of the program')
  const last = first.code === 0 ? first : await runProgram('src/cli/job.ts', full, env)
  expect(last).toMatchObject({ code: 0 })

  console.log(
    `${cutter.cuts()} times all connections of a worker lost (${cutter.lost()} of them): ${ended.attempt} attempts, ${again} pages asked for again; ` +
      `${commandCutter.cuts()} times those of a command: exit code ${first.code}`,
  )
  expect(await contentOf(database.db)).toEqual(undisturbed.content)
  expect(await stopGently(worker)).toMatchObject({ code: 0 })
}, 120_000)

test('a worker outlives the loss of the connection on which it removes a queue row', async () => {
  const { db, pool, url } = await createDatabase()
  const sandbox = await startTestSandbox()
  await pool.query(`
    create sequence cuts;
    create function cut() returns trigger language plpgsql as $$ begin
      if nextval('cuts') <= 3 then perform pg_terminate_backend(pg_backend_pid()), pg_sleep(5); end if;
      return old;
    end $$;
    create trigger cut before delete on graphile_worker._private_jobs for each row execute function cut()`)
  const worker = startWorkerProcess({ ...sandbox.env, DATABASE_URL: url })
  for (const subject of ['one', 'two']) {
    await untilStatus(db, await queueCall(db, 'crm-contacts', {}, subject), 'succeeded')
  }
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0)
  expect(await leftOver(db)).toEqual(nothing)
  expect(worker.child.exitCode).toBeNull()
  expect(await stopGently(worker)).toMatchObject({ code: 0 })
})

/** Ends all connections to a database but its own, every 200 ms. */
async function startCutting(url: string) {
  const client = new Client({ connectionString: url, application_name: 'cutter' })
  await client.connect()
  let [cuts, lost] = [0, 0]
  let cutting: Promise<void> = Promise.resolve()
  const cut = async () => {
    const { rowCount } = await client.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name like 'nightledger %'`,
    )
    cuts++
    lost += rowCount ?? 0
  }
  const timer = setInterval(() => {
    cutting = cutting.then(cut)
  }, 200)
  const stop = async () => {
    clearInterval(timer)
    await cutting
    await client.end()
  }
  return { cuts: () => cuts, lost: () => lost, stop }
}
