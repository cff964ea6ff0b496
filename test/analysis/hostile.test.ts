import { expect, test } from 'vitest'
import { retryAfterMs } from '../../src/etl/extract/answer.ts'
import { unblock } from '../../src/etl/extract/breaker.ts'
import { pollAnalysis } from '../../src/jobs/poll-analysis.ts'
import { analysisWorld } from './support/world.ts'

const textsAlone = { VISION_BASE_URL: '' }
const dayMs = 24 * 3_600_000

const fault = (match: string, status: number, body: object) => ({
  kind: 'status',
  match,
  status,
  body,
})

test.each(['999999999', '9'.repeat(20), '9'.repeat(400), 'Fri, 31 Dec 9999 23:59:59 GMT'])(
  'Retry-After: %s counts as a day',
  (asked) => {
    expect(retryAfterMs({ headers: { 'retry-after': asked } })).toBe(dayMs)
  },
)

test('what asks to be left alone for years is asked at its deadline, and waits for a day at most', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(3)
  const farOff = '9'.repeat(20)
  const job = { id: 'job', status: 'running' }
  await world.admin('text-ml', 'POST', '/faults', [
    { kind: 'status', status: 202, body: job, retryAfter: farOff, match: 'POST' },
    {
      kind: 'status',
      status: 200,
      body: { data: [job] },
      retryAfter: farOff,
      match: 'GET /v1/jobs',
    },
  ])
  const batches = () =>
    world.rows(
      `select status, polls, due_at <= deadline_at as "inTime" from ledger.analysis_batches`,
    )
  await world.run('poll-analysis', { seconds: 0 })
  expect(await batches()).toEqual([{ status: 'out', polls: 0, inTime: true }])
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  expect(await batches()).toEqual([{ status: 'out', polls: 1, inTime: true }])

  await world.addTexts(3, 'another')
  await world.admin('text-ml', 'POST', '/faults', [
    { kind: 'status', status: 429, retryAfter: farOff, match: 'POST' },
  ])
  await world.run('poll-analysis', { seconds: 0 })
  expect(
    await world.rows(
      `select due_at between now() + '23 hours' and now() + '1 day' as "inADay", error ->> 'kind' as kind
      from ledger.analysis_batches where status = 'sending'`,
    ),
  ).toEqual([{ inADay: true, kind: 'rate_limited' }])
})

test('words that the database cannot store are stored without what is wrong with them', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(1)
  const [waiting] = await world.rows<{ key: string }>(
    'select content_key as key from ledger.analysis_tasks',
  )
  const message = `half an emoji \ud83d, a NUL \0, and ${'long '.repeat(1000)}`
  const refused = { code: 'invalid', message, retriable: false }
  const item = { item_id: waiting?.key, status: 'failed', error: refused }
  await world.admin('text-ml', 'POST', '/faults', [
    fault('POST', 202, { id: 'job', status: 'queued' }),
    fault('GET /v1/jobs', 200, { data: [{ id: 'job', status: '\0\ud83d' }] }),
    fault('GET /v1/jobs', 200, { data: [{ id: 'job', status: 'failed', items: [item] }] }),
  ])
  for (let poll = 0; poll < 3; poll++) {
    await world.run('poll-analysis', { seconds: 0 })
    await world.makeDue()
  }
  const [task] = await world.rows<{ said: string }>(
    `select status, error ->> 'message' as said from ledger.analysis_tasks`,
  )
  expect(task).toMatchObject({
    status: 'failed',
    said: expect.stringContaining('half an emoji \ufffd, a NUL \ufffd'),
  })
  expect(task?.said.length).toBeLessThan(600)

  // A page that is quoted is cut amid an emoji, and holds a NUL.
  await world.addTexts(1, 'another')
  const page = { at: `\0${'😀'.repeat(300)}` }
  await world.admin('text-ml', 'POST', '/faults', [
    fault('POST', 400, page),
    fault('POST', 200, { ...page, a: '' }),
  ])
  const call = await world.run('poll-analysis', { seconds: 0 })
  expect(call.error).not.toMatchObject({ kind: 'database' })
  expect(await world.tasks()).toEqual({ 'text failed': 2 })
})

test.each([
  [500, 3],
  [409, 12],
])(
  'one content that the service always answers with %d fails alone, and holds nothing up',
  async (status, sends) => {
    const world = await analysisWorld({ env: textsAlone })
    await world.admin('text-ml', 'PATCH', '/settings', { maxItems: 4 })
    await world.addTexts(12)
    const [poison] = await world.rows<{ key: string }>(
      'select content_key as key from ledger.analysis_tasks order by due_at, content_key limit 1',
    )
    await world.admin('text-ml', 'POST', '/faults', [
      { kind: 'status', match: poison?.key, status, times: null },
    ])
    for (let send = 0; send < sends; send++) {
      await world.makeDue()
      await world.run('poll-analysis', { seconds: 0 })
    }
    // While that batch rests, the others go out; then it is halved.
    await world.run('poll-analysis', { seconds: 1 })
    expect(await world.tasks()).toEqual({ 'text submitted': 8, 'text waiting': 4 })
    await world.makeDue()
    await world.settle({ seconds: 1 })
    expect(await world.tasks()).toEqual({ 'text failed': 1, 'text succeeded': 11 })
    expect(
      await world.rows(
        `select content_key as key, error ->> 'message' ~ '${status}' as why from ledger.analysis_tasks where status = 'failed'`,
      ),
    ).toEqual([{ ...poison, why: true }])
    for (const { accepted } of await world.taken('text-ml')) expect(accepted).toBe(1)
  },
)

test('while the service is down, few batches try, ever more rarely', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.admin('text-ml', 'PATCH', '/settings', { maxItems: 4 })
  await world.addTexts(40)
  await world.admin('text-ml', 'POST', '/faults', [{ ...fault('POST', 503, {}), times: null }])
  for (let send = 0; send < 20; send++) {
    if (send % 2 > 0) await world.makeDue()
    await world.run('poll-analysis', { seconds: 0 })
  }
  const batches = await world.rows<{ sends: number; items: number }>(
    'select sends, items from ledger.analysis_batches',
  )
  expect(batches.length).toBeLessThanOrEqual(4)
  for (const { items } of batches) expect(items).toBe(4)
})

test.each([422, 410])(
  'a service that says %d of every key is not asked for ever: each content ends',
  async (status) => {
    const world = await analysisWorld({ env: textsAlone })
    await world.addTexts(3)
    const reused = { code: 'idempotency_key_reused', detail: 'the key is not right' }
    await world.admin('text-ml', 'POST', '/faults', [
      fault('POST', 503, {}),
      fault('POST', 503, {}),
      fault('POST', 503, {}),
      fault('POST', 503, {}),
      { ...fault('POST', status, reused), times: null },
    ])
    await world.run('poll-analysis', { seconds: 0 })
    await world.makeDue()
    await world.settle({ seconds: 1 })
    expect(await world.tasks()).toEqual({ 'text failed': 3 })
    // A key that was sent before is changed, once; one that never was is halved.
    const [batches] = await world.rows<{ count: number }>(
      'select count(*) from ledger.analysis_batches',
    )
    expect(batches?.count).toBeLessThanOrEqual(12)
  },
)

test('a job that the service always fails to tell of holds no other up, and expires', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.admin('text-ml', 'PATCH', '/settings', { maxItems: 1 })
  await world.addTexts(9)
  await world.run('poll-analysis', { seconds: 1 })
  const [poison] = await world.rows<{ job: string }>(
    'select remote_id as job from ledger.analysis_batches limit 1',
  )
  await world.admin('text-ml', 'POST', '/faults', [
    { ...fault(poison?.job ?? '', 500, {}), times: null },
  ])
  await world.finish()
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  expect(await world.tasks()).toEqual({ 'text submitted': 1, 'text succeeded': 8 })
  await world.rows(
    `update ledger.analysis_batches set accepted_at = now() - interval '60 minutes', deadline_at = now()`,
  )
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0, maxAttempts: 1 })
  const [ended] = await world.rows<{ said: string }>(
    `select status, error ->> 'message' as said from ledger.analysis_tasks where status <> 'succeeded'`,
  )
  expect(ended).toMatchObject({
    status: 'expired',
    said: expect.stringMatching(/no result within 60 minutes; it last said "nothing": .*500/),
  })
})

test('while an account is shut out nothing is due', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.admin('text-ml', 'PATCH', '/settings', { maxItems: 1 })
  await world.addTexts(3)
  await world.run('poll-analysis', { seconds: 1 })
  await world.addTexts(1, 'another')
  await world.admin('text-ml', 'POST', '/faults', [
    { ...fault('GET /v1/jobs', 402, {}), times: null },
  ])
  await world.makeDue()
  const isDue = () => pollAnalysis.isDue?.({ db: world.db, settings: world.settings })
  expect(await isDue()).toBe(true)
  await world.run('poll-analysis', { seconds: 0 })
  await world.makeDue()
  expect(await isDue()).toBe(false)
  await world.admin('text-ml', 'DELETE', '/faults')
  await unblock(world.db, 'text-ml')
  expect(await isDue()).toBe(true)
})

test('items that were told of while the job still ran are told of again, and nothing is odd about it', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(2)
  const keys = await world.rows<{ key: string }>(
    'select content_key as key from ledger.analysis_tasks order by 1',
  )
  const items = keys.map(({ key }) => ({
    item_id: key,
    status: 'failed',
    error: { code: 'content_blocked', message: 'no', retriable: false },
  }))
  const tell = (status: string, count: number) =>
    fault('GET /v1/jobs', 200, { data: [{ id: 'job', status, items: items.slice(0, count) }] })
  await world.admin('text-ml', 'POST', '/faults', [
    fault('POST', 202, { id: 'job', status: 'queued' }),
    tell('running', 1),
    tell('partially_succeeded', 2),
  ])
  for (let poll = 0; poll < 3; poll++) {
    await world.run('poll-analysis', { seconds: 0 })
    await world.makeDue()
  }
  expect(await world.tasks()).toEqual({ 'text failed': 2 })
  expect(await world.rows('select status, error from ledger.analysis_batches')).toEqual([
    { status: 'done', error: null },
  ])
})
