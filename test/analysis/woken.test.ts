import { expect, test } from 'vitest'
import { wakeAnalysis } from '../../src/jobs/analysis-wake.ts'
import { catalog } from '../../src/jobs/catalog.ts'
import { enqueueDueTicks } from '../../src/jobs/enqueue-due-ticks.ts'
import { pollAnalysis } from '../../src/jobs/poll-analysis.ts'
import { defaultSchedules } from '../../src/jobs/scheduler.ts'
import { introduceJobs } from '../../src/db/ticks.ts'
import { createLog } from '../../src/log.ts'
import { startEngine } from '../engine/support/engine.ts'
import { runProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { analysisWorld } from './support/world.ts'

const inMinutes = (minutes: number) => new Date(Date.now() + minutes * 60_000)

test('a tick with nothing to do makes no job call and leaves no row', async () => {
  const world = await analysisWorld()
  const { db, settings } = world
  await introduceJobs(db, [pollAnalysis.name])
  const defaults = defaultSchedules([pollAnalysis], settings, db)
  const log = createLog('silent')
  await enqueueDueTicks(db, log, defaults, inMinutes(1))
  await enqueueDueTicks(db, log, defaults, inMinutes(3))
  expect(await world.rows('select from ledger.ticks')).toEqual([])
  await world.addTexts(1)
  await enqueueDueTicks(db, log, defaults, inMinutes(5))
  expect(await world.rows('select job, skipped_reason from ledger.ticks')).toEqual([
    { job: 'poll-analysis', skipped_reason: null },
  ])
})

test('it is woken when something comes, and again and again until nothing is out; the schedule alone would take a year', async () => {
  const world = await analysisWorld({ service: { minSeconds: 0, maxSeconds: 8 } })
  const env = { ...world.env, SCHEDULE_POLL_ANALYSIS: '0 0 1 1 *' }
  await introduceJobs(world.db, [pollAnalysis.name])
  // A profile that has brought something says so, for all profiles of the same ten seconds.
  const names = await world.usernames()
  await world.run('instagram', { usernames: names, parts: ['profile', 'posts'] })
  const ticks = await world.rows<{ soon: boolean }>(
    `select scheduled_for between now() and now() + interval '13 seconds' as soon from ledger.ticks where job = 'poll-analysis'`,
  )
  expect(ticks).toEqual(ticks.map(() => ({ soon: true })))
  expect([1, 2]).toContain(ticks.length)

  const polling = catalog.filter(({ name }) => name === pollAnalysis.name)
  await startEngine(world.database, polling, { scheduler: true, ...env })
  await wakeAnalysis(world.db, 0)
  await until(
    'nothing is out',
    async () => Object.keys(await world.tasks()).every((what) => /succeeded|skipped/.test(what)),
    60_000,
  )
  const calls = await world.rows<{ trigger: string }>(
    `select trigger from ledger.job_calls where job = 'poll-analysis'`,
  )
  for (const { trigger } of calls) expect(trigger).toBe('cron')
})

test('npm run job waits for what is out as long as it is told, and says what is still out', async () => {
  const world = await analysisWorld({ service: { minSeconds: 0, maxSeconds: 3 } })
  const [first = '', second = ''] = await world.usernames()
  const job = (username: string, wait: string) =>
    runProgram(
      'src/cli/job.ts',
      ['instagram', '--params', JSON.stringify({ usernames: [username] }), '--wait', wait],
      world.env,
    )
  const left = await job(first, '0')
  expect(left.code).toBe(0)
  const open = Object.values(await world.tasks()).reduce((sum, count) => sum + count, 0)
  expect(left.output).toContain(`${open} analyses are still out`)

  const waited = await job(second, '60')
  expect(waited.code).toBe(0)
  expect(waited.output).not.toContain('still out')
  for (const what of Object.keys(await world.tasks())) expect(what).toMatch(/succeeded|skipped/)
})
