import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { startTestSandbox, unlimited } from '../support/sandbox.ts'
import { until } from '../support/until.ts'
import { leftOver, nothing } from './support/calls.ts'
import { stopGently, untilReady } from './support/workers.ts'

const perSecond = 4
/**
 * The sandbox stamps what comes, and on a busy machine late. The quota follows that by how long answers take, but not
 * before a process has some to compare.
 */
const jitterMs = 20

test('two schedulers and two workers: one call per tick, and the quota holds over both', async () => {
  const { db, url } = await createDatabase()
  const sandbox = await startTestSandbox({ ...unlimited, contacts: 400, latencyMs: 30 })
  const env = {
    ...sandbox.env,
    DATABASE_URL: url,
    AMOCRM_REQUESTS_PER_SECOND: String(perSecond),
    LEASE_SECONDS: '2',
    SCHEDULE_CRM_CONTACTS: '* * * * * *',
  }
  const processes = [1, 2].map(() =>
    startProgram('src/main.ts', ['--only', 'scheduler,worker'], env),
  )
  for (const one of processes) await untilReady(one)
  await sql`update ledger.schedules set overlap = 'allow', catch_up = 'all'`.execute(db)
  await until('twelve ticks', async () => (await ticks()).length >= 12)
  await sql`update ledger.schedules set paused = true`.execute(db)
  let left: unknown
  const allHaveEnded = async () => {
    const [now, due] = [await leftOver(db), await ticks()]
    left = { ...now, unopened: due.filter((tick) => tick.job_call_id === null) }
    return now?.calls === 0 && due.every((tick) => tick.job_call_id !== null)
  }
  await until('all calls have ended', allHaveEnded, 60_000).catch((error: unknown) => {
    throw new Error(`${String(error)}; left: ${JSON.stringify(left)}`)
  })

  const all = await ticks()
  const calls = await db.selectFrom('ledger.job_calls').selectAll().execute()
  const log = await sandbox.admin('GET', '/log')
  const arrivals = log.split('\n').filter(Boolean).map(arrivalOf)
  const workers = new Set(calls.map((call) => call.worker))
  console.log(
    `${all.length} ticks, ${calls.length} calls by ${workers.size} workers; ${arrivals.length} requests, ` +
      `at most ${mostWithin(arrivals, 1000)} of ${perSecond} in a second, ${perSecond + 1} in ${leastFor(arrivals, perSecond + 1)} ms at least`,
  )
  expect(times(calls)).toEqual(times(all))
  expect(times(all)).toEqual(times(all).map((_, n) => (times(all)[0] ?? 0) + n * 1000))
  const unhappy = calls.filter((call) => call.status !== 'succeeded')
  expect(unhappy.map(({ status, attempt, error }) => ({ status, attempt, error }))).toEqual([])
  expect(workers.size).toBe(2)
  expect(mostWithin(arrivals, 1000 - jitterMs)).toBeLessThanOrEqual(perSecond)
  await until('nothing is left over', async () => (await leftOver(db))?.wakeUps === 0)
  expect(await leftOver(db)).toEqual(nothing)
  for (const one of processes) expect((await stopGently(one)).code).toBe(0)

  async function ticks() {
    return await db.selectFrom('ledger.ticks').selectAll().orderBy('scheduled_for').execute()
  }
}, 90_000)

const times = (rows: { scheduled_for: Date | null }[]) =>
  rows.map((row) => row.scheduled_for?.getTime() ?? 0).toSorted((a, b) => a - b)

const arrivalOf = (line: string) => (JSON.parse(line) as { at: number }).at

/** How long so many arrivals took, at least. */
const leastFor = (arrivals: readonly number[], count: number) =>
  Math.min(...arrivals.slice(count - 1).map((at, i) => Math.round(at - (arrivals[i] ?? 0))))

/** The most arrivals in any window of so many milliseconds. */
const mostWithin = (arrivals: readonly number[], ms: number) =>
  Math.max(...arrivals.map((from) => arrivals.filter((at) => at >= from && at < from + ms).length))
