import { expect, test } from 'vitest'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { analysisWorld } from './support/world.ts'

/** KILLS=20 npx vitest run test/analysis/killed.test.ts takes a minute or two. */
const kills = Number(process.env['KILLS'] ?? 3)

test('kill -9 of who hands over, again and again between a request and its answer: nothing twice, nothing forgotten', async () => {
  const world = await analysisWorld({
    service: { latencyMs: 250 },
    env: { VISION_BASE_URL: '', LEASE_SECONDS: '2' },
  })
  await world.addTexts(1500)
  const accepted = async () => {
    const jobs = await world.lines<{ accepted: number }>('text-ml', '/jobs')
    return jobs.reduce((sum, job) => sum + job.accepted, 0)
  }
  for (let kill = 0; kill < kills; kill++) {
    const before = await accepted()
    const program = startProgram(
      'src/cli/job.ts',
      ['poll-analysis', '--new', '--params', '{"seconds":30}'],
      world.env,
    )
    // Every other one gets further than the batch that the one before died with.
    await until('a request came', async () => (await accepted()) > before + (kill % 2))
    program.child.kill('SIGKILL')
    await program.exited
  }
  const again = await world.rows<{ sends: number }>(
    `select sends from ledger.analysis_batches where sends > 1`,
  )
  expect(again.length).toBeGreaterThan(kills / 4)
  await world.admin('text-ml', 'PATCH', '/settings', { latencyMs: 0 })
  await until('all are handed over', async () => {
    await world.run('poll-analysis', { seconds: 1 })
    return (await world.tasks())['text waiting'] === undefined
  })
  await world.finish()
  await world.makeDue()
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text succeeded': 1500 })
  const taken = await world.taken('text-ml')
  expect(taken).toHaveLength(1500)
  expect(new Set(taken.map((content) => content.accepted))).toEqual(new Set([1]))
  expect(await world.rows('select count(*) from text_analysis')).toEqual([{ count: 1500 }])
})
