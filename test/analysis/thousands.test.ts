import { expect, test } from 'vitest'
import { until } from '../support/until.ts'
import { analysisWorld } from './support/world.ts'

/** Ten thousand: `npm run bench -- analysis`. */
const count = 3000

/** In two minutes of the services' clock rather than of ours. */
test('thousands of texts, answered after 1 to 120 s, with five minutes in which nobody polls: each ends, none twice', async () => {
  const world = await analysisWorld({
    service: { minSeconds: 1, maxSeconds: 120, failShare: 0.01 },
    env: { VISION_BASE_URL: '' },
  })
  await world.addTexts(count)
  await world.run('poll-analysis', { seconds: 3 })
  await world.finish(30)
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  const { 'text submitted': out = 0 } = await world.tasks()
  expect(out).toBeGreaterThan(100)
  // Nobody polls for five minutes; all that was out has ended meanwhile.
  await world.finish(300)
  await world.makeDue()
  await until('each has ended', async () => {
    await world.run('poll-analysis', { seconds: 2 })
    await world.finish(130)
    await world.makeDue()
    const { 'text submitted': submitted = 0, 'text waiting': waiting = 0 } = await world.tasks()
    return submitted + waiting === 0
  })
  const {
    'text succeeded': succeeded = 0,
    'text failed': failed = 0,
    ...others
  } = await world.tasks()
  expect(others).toEqual({})
  expect(succeeded + failed).toBe(count)
  expect(failed).toBeGreaterThan(3)
  const taken = await world.taken('text-ml')
  expect(taken).toHaveLength(count)
  // What failed and may be tried again was: nothing else went out more than once.
  const again = taken.filter(({ accepted }) => accepted > 1).length
  const [attempts] = await world.rows<{ more: number }>(
    'select count(*) as more from ledger.analysis_tasks where attempt > 1',
  )
  expect(again).toBe(attempts?.more)
  expect(again).toBeLessThan(300)
  expect(await world.rows('select count(*) from text_analysis')).toEqual([{ count: succeeded }])
  const polls = await world.lines<{ ids: number }>('text-ml', '/polls')
  expect(polls.length).toBeLessThan(60)
})
