import { expect, test } from 'vitest'
import { analysisWorld } from './support/world.ts'

const everyTask = `select kind, status, attempt, error, fresh_address, content from ledger.analysis_tasks order by content_key`
interface TaskRow {
  kind: string
  status: string
  attempt: number
  error: { kind: string; message: string } | null
  fresh_address: string | null
}

test('the services are down for the whole run: it succeeds, what is out is counted, and goes out when they are back', async () => {
  const world = await analysisWorld()
  for (const name of ['vision', 'text-ml'] as const)
    await world.admin(name, 'POST', '/faults', [{ kind: 'status', status: 503, times: null }])
  const run = await world.run('instagram', { usernames: await world.usernames() })
  expect(run.status).toBe('succeeded')
  const poll = await world.run('poll-analysis', { seconds: 0 })
  expect(poll).toMatchObject({ status: 'failed', error: { kind: 'streams' } })
  expect(poll.error).toMatchObject({ message: expect.stringContaining('503') })
  const waiting = await world.tasks()
  const all = Object.values(waiting).reduce((sum, count) => sum + count, 0)
  expect(Object.keys(waiting)).toEqual(['image waiting', 'text waiting', 'video waiting'])
  const [shown] = await world.rows(`select analysis_open from ledger.runs where id = '${run.id}'`)
  expect(shown).toEqual({ analysis_open: all })
  // One batch a service was written down, and waits for its time with the reason; nothing else is sent until then.
  expect(
    await world.rows(
      `select service, status, sends, due_at > now() + interval '20 seconds' as rests, error ->> 'kind' as kind from ledger.analysis_batches order by service`,
    ),
  ).toEqual([
    { service: 'text-ml', status: 'sending', sends: 1, rests: true, kind: 'upstream' },
    { service: 'vision', status: 'sending', sends: 1, rests: true, kind: 'upstream' },
  ])
  await world.run('poll-analysis', { seconds: 0 })
  expect(
    await world.rows('select max(sends) as sends, count(*) from ledger.analysis_batches'),
  ).toEqual([{ sends: 1, count: 2 }])

  for (const name of ['vision', 'text-ml'] as const) await world.admin(name, 'DELETE', '/faults')
  await world.makeDue()
  await world.settle()
  expect(Object.keys(await world.tasks())).toEqual([
    'image succeeded',
    'text succeeded',
    'video skipped',
  ])
  for (const name of ['vision', 'text-ml'] as const)
    for (const { accepted } of await world.taken(name)) expect(accepted).toBe(1)
})

test('a job that never ends, and one whose status nobody knows, expire, are handed over again, and end with the reason', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  await world.addTexts(20)
  await world.admin('text-ml', 'POST', '/job-fates', [
    { kind: 'neverEnds', times: 1 },
    { kind: 'unknownStatus', word: 'hibernating', skip: 1, times: 2 },
  ])
  for (let attempt = 1; attempt <= 3; attempt++) {
    await world.run('poll-analysis', { seconds: 0 })
    await world.finish()
    await world.makeDue()
    await world.run('poll-analysis', { seconds: 0 })
    // Not yet past its deadline: still out.
    expect(Object.keys(await world.tasks())).toEqual(['text submitted'])
    await world.rows(
      `update ledger.analysis_batches set accepted_at = now() - interval '60 minutes', deadline_at = now() where finished_at is null`,
    )
    await world.makeDue()
    await world.run('poll-analysis', { seconds: 0 })
    await world.makeDue()
  }
  const tasks = await world.rows<TaskRow>(everyTask)
  expect(tasks.length).toBeGreaterThan(5)
  for (const task of tasks)
    expect(task).toMatchObject({
      status: 'expired',
      attempt: 3,
      error: {
        kind: 'upstream',
        message: 'no result within 60 minutes; it last said "hibernating"',
      },
    })
  expect(
    await world.rows(
      `select status, last_status, accepted_at is not null as accepted from ledger.analysis_batches order by created_at`,
    ),
  ).toEqual([
    { status: 'expired', last_status: 'running', accepted: true },
    { status: 'expired', last_status: 'hibernating', accepted: true },
    { status: 'expired', last_status: 'hibernating', accepted: true },
  ])
  // Each attempt went out under a key of its own.
  const jobs = await world.lines<{ key: string; accepted: number }>('text-ml', '/jobs')
  expect(new Set(jobs.map(({ key }) => key)).size).toBe(3)
})

test.each([
  ['resultText', /^its result is of a wrong shape: result: .*expected object/],
  ['featuresNumbers', /^its result is of a wrong shape: /],
  ['percents', /^its result is of a wrong shape: .*<=1/],
])(
  'results of a wrong shape (%s) end in the ledger with what is wrong with them',
  async (how, reason) => {
    const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
    await world.addTexts(20)
    await world.admin('text-ml', 'POST', '/job-fates', [{ kind: 'wrongShape', how, times: 1 }])
    await world.settle()
    const tasks = await world.rows<TaskRow>(everyTask)
    for (const { status, error } of tasks) {
      expect(status).toBe('failed')
      expect(error?.kind).toBe('bad_answer')
      expect(error?.message).toMatch(reason)
    }
    const [rejects] = await world.rows(
      `select count(*) from ledger.rejects where source = 'text-ml' and entity = 'text_analysis' and closed_at is null`,
    )
    expect(rejects).toEqual({ count: tasks.length })
    expect(await world.rows('select * from text_analysis')).toEqual([])
  },
)

test('a job that leaves an item out, or tells nothing of any, is handed over again; what nobody sent is not taken', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  await world.addTexts(20)
  await world.admin('text-ml', 'POST', '/job-fates', [
    { kind: 'wrongShape', how: 'noItems', times: 1 },
    { kind: 'wrongShape', how: 'itemMissing', skip: 1, times: 1 },
    { kind: 'wrongShape', how: 'itemExtra', skip: 2, times: 1 },
  ])
  await world.settle()
  const tasks = await world.rows<TaskRow>(everyTask)
  expect(new Set(tasks.map(({ status }) => status))).toEqual(new Set(['succeeded']))
  expect(tasks.filter(({ attempt }) => attempt === 3)).toHaveLength(1)
  expect(tasks.filter(({ attempt }) => attempt === 2)).toHaveLength(tasks.length - 1)
  expect(await world.rows('select count(*) from text_analysis')).toEqual([{ count: tasks.length }])
  expect(
    await world.rows(
      `select distinct error ->> 'message' as said from ledger.analysis_batches where error is not null order by 1`,
    ),
  ).toEqual([{ said: '1 of its items were not sent to it' }, { said: 'its items are no list' }])
})

test('jobs that the service lost, or kept too short, are handed over again under a new key; who is lost twice has failed', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  await world.addTexts(1)
  await world.admin('text-ml', 'POST', '/job-fates', [{ kind: 'vanishes', times: 2 }])
  await world.settle()
  await world.settle()
  const lost = await world.rows<TaskRow>(everyTask)
  expect(lost).toMatchObject([
    {
      status: 'failed',
      attempt: 2,
      error: { kind: 'not_found', message: 'the service knows nothing of the job' },
    },
  ])

  await world.addTexts(1, 'another')
  await world.run('poll-analysis', { seconds: 0 })
  await world.finish(100_000)
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  expect(
    await world.rows(
      `select last_status from ledger.analysis_batches where status = 'lost' order by created_at`,
    ),
  ).toEqual([
    { last_status: 'not_found' },
    { last_status: 'not_found' },
    { last_status: 'expired' },
  ])
  await world.makeDue()
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text failed': 1, 'text succeeded': 1 })
})

test('items fail one by one: for good, or handed over again as the service says; a job as a whole likewise', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  await world.addTexts(20)
  await world.admin('text-ml', 'POST', '/item-fates', [
    { code: 'content_blocked', message: 'not nice', retriable: false, times: 1 },
    { code: 'internal', message: 'try later', retriable: true, skip: 1, times: 1 },
  ])
  await world.settle()
  const odd = await world.rows<TaskRow>(
    everyTask.replace('order by', "where status <> 'succeeded' or attempt > 1 order by"),
  )
  expect(odd.toSorted((a, b) => a.attempt - b.attempt)).toMatchObject([
    {
      status: 'failed',
      attempt: 1,
      error: { kind: 'bad_request', message: 'content_blocked: not nice' },
    },
    { status: 'succeeded', attempt: 2, error: null },
  ])
})
