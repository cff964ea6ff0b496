import { expect, test } from 'vitest'
import { retryAfterMs } from '../../src/etl/extract/answer.ts'
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
