import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cancelTree } from '../../src/db/cancel.ts'
import { resume } from '../../src/db/resume.ts'
import { cancelCall } from '../../src/jobs/operate.ts'
import { until } from '../support/until.ts'
import { analysisWorld } from './support/world.ts'

const textsAlone = { VISION_BASE_URL: '' }

test('several at once hand over and ask: no content twice, no job asked for by two', async () => {
  const world = await analysisWorld({ service: { minSeconds: 0, maxSeconds: 2 }, env: textsAlone })
  await world.addTexts(1200)
  const calls = await Promise.all([1, 2, 3].map(() => world.run('poll-analysis', { seconds: 6 })))
  expect(calls.map(({ status }) => status)).toEqual(['succeeded', 'succeeded', 'succeeded'])
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text succeeded': 1200 })
  const taken = await world.taken('text-ml')
  expect(taken).toHaveLength(1200)
  for (const { accepted } of taken) expect(accepted).toBe(1)
  const [results] = await world.rows(
    `select sum(rows_read) as read, sum(rows_inserted) as new from ledger.service_calls where operation = 'poll'`,
  )
  expect(results).toEqual({ read: '1200', new: '1200' })
})

test('at most one request for every 50 jobs that are out, and interval', async () => {
  const world = await analysisWorld({
    service: { minSeconds: 1, maxSeconds: 4, retryAfterSeconds: null },
    env: textsAlone,
  })
  // 60 jobs: each of them one content.
  await world.admin('text-ml', 'PATCH', '/settings', { maxItems: 1 })
  await world.addTexts(60)
  await world.run('poll-analysis', { seconds: 10 })
  const polls = await world.lines<{ at: number; ids: number }>('text-ml', '/polls')
  // However late each of them is: no two of the same interval, which is 1.875 s where there are young jobs.
  const elapsed = (polls.at(-1)?.at ?? 0) - (polls[0]?.at ?? 0)
  expect(polls.length).toBeLessThanOrEqual(elapsed / 1875 + 2)
  expect(Math.max(...polls.map(({ ids }) => ids))).toBeGreaterThan(5)
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text succeeded': 60 })
})

test('the grid of polls: never before Retry-After, ever more rarely, and together', async () => {
  const world = await analysisWorld()
  const { rows } = await sql<{ every: number; wait: number; in: number; place: number }>`
    select every, wait, extract(epoch from ledger.next_poll(every, wait) - clock_timestamp())::float8 as in,
      ((extract(epoch from ledger.next_poll(every, wait)) - extract(epoch from ledger.next_poll(60, 0)))::numeric % 1.875)::float8 as place
    from unnest(array[1.875, 3.75, 7.5, 15, 30, 60]::float8[]) every, unnest(array[0, 0.5, 1, 2, 10, 45, 90]::float8[]) wait`.execute(
    world.db,
  )
  expect(rows).toHaveLength(42)
  for (const row of rows) {
    expect(row.in).toBeGreaterThan(Math.max(row.wait, row.every / 2) - 0.1)
    expect(row.in).toBeLessThanOrEqual(
      Math.max(row.wait, row.every / 2) + Math.max(2 * row.wait, row.every, 1.875),
    )
    expect(Math.min(Math.abs(row.place), 1.875 - Math.abs(row.place))).toBeCloseTo(0, 2)
  }
})

test('what is too large is halved, and what alone is refused fails with what was said of it', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(40)
  // Two texts find room in a body, but not the longest.
  await world.admin('text-ml', 'PATCH', '/settings', { maxBodyBytes: 400 })
  await sql`
    insert into ledger.analysis_tasks (content_key, service, kind, content, job_call_id, root_call_id)
    select public.text_key(t), 'text-ml', 'text', jsonb_build_object('text', t), ledger.uuid_v7(), ledger.uuid_v7()
    from repeat('long ', 200) as x (t)`.execute(world.db)
  await world.settle({ seconds: 1 })
  expect(await world.tasks()).toEqual({ 'text failed': 1, 'text succeeded': 40 })
  const [failed] = await world.rows<{ error: object }>(
    `select error from ledger.analysis_tasks where status = 'failed'`,
  )
  expect(failed?.error).toMatchObject({
    kind: 'bad_request',
    message: expect.stringContaining('413'),
  })
  for (const { accepted } of await world.taken('text-ml')) expect(accepted).toBe(1)
})

test('an answer that is lost: the same key and body again, and the job is found', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(30)
  // Four tries of one request, all of them carried out and none answered.
  await world.admin('text-ml', 'POST', '/faults', [
    { kind: 'lostAnswer', match: 'POST /v1/jobs', times: 4 },
  ])
  const call = await world.run('poll-analysis', { seconds: 0 })
  expect(call).toMatchObject({ status: 'failed', error: { kind: 'streams' } })
  await world.makeDue()
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text succeeded': 30 })
  const jobs = await world.lines<{ accepted: number }>('text-ml', '/jobs')
  expect(jobs).toMatchObject([{ accepted: 5 }])
  expect(await world.rows('select sends, in_doubt from ledger.analysis_batches')).toEqual([
    { sends: 2, in_doubt: false },
  ])
})

test('videos go where the service takes them', async () => {
  const world = await analysisWorld({ service: { video: true }, env: { TEXT_ML_BASE_URL: '' } })
  await world.run('instagram', { usernames: await world.usernames() })
  await world.settle()
  expect(Object.keys(await world.tasks())).toEqual(['image succeeded', 'video succeeded'])
})

test('what was written down and could not be sent is not sent any more when it was cancelled', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(10)
  await world.admin('text-ml', 'POST', '/faults', [{ kind: 'status', status: 503, times: null }])
  await world.run('poll-analysis', { seconds: 0 })
  await world.admin('text-ml', 'DELETE', '/faults')
  const [task] = await world.rows<{ id: string }>(
    'select root_call_id as id from ledger.analysis_tasks limit 1',
  )
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger) values (${task?.id}, ${task?.id}, 'gone', 'cli')`.execute(
    world.db,
  )
  expect(await cancelTree(world.db, task?.id ?? '', 'a test')).toMatchObject({ analyses: 10 })
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  expect(await world.rows('select status, sends from ledger.analysis_batches')).toEqual([
    { status: 'cancelled', sends: 1 },
  ])
  expect(await world.taken('text-ml')).toEqual([])
})

test('cancelling a tree that is over gives up what is out, and a later run takes it up again', async () => {
  const world = await analysisWorld()
  const usernames = await world.usernames()
  const run = await world.run('instagram', { usernames, parts: ['profile', 'posts'] })
  await world.run('poll-analysis', { seconds: 0 })
  const { analyses } = await cancelTree(world.db, run.id, 'a test')
  expect(analyses).toBeGreaterThan(5)
  const given = await world.tasks()
  expect(Object.keys(given)).toEqual(['image cancelled', 'text cancelled', 'video skipped'])
  await world.finish()
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  // Nobody wants the results any more: the jobs are not even asked for.
  expect(await world.rows('select distinct status, polls from ledger.analysis_batches')).toEqual([
    { status: 'cancelled', polls: 0 },
  ])
  expect(await world.tasks()).toEqual(given)
  // Nothing of it has changed meanwhile.
  await world.run('instagram', { usernames, parts: ['profile', 'posts'], full: true })
  await world.settle()
  expect(Object.keys(await world.tasks())).toEqual([
    'image succeeded',
    'text succeeded',
    'video skipped',
  ])
})

test('a cancelled tree that is resumed waits for what is out of it: nothing is handed over twice', async () => {
  const world = await analysisWorld({ env: { VISION_BASE_URL: '' } })
  const usernames = await world.usernames()
  const run = await world.run('instagram', { usernames, parts: ['profile', 'posts'] })
  await world.run('poll-analysis', { seconds: 0 })
  const { 'text submitted': out = 0 } = await world.tasks()
  expect(out).toBeGreaterThan(5)
  await cancelTree(world.db, run.id, 'a test')
  expect(await world.tasks()).toEqual({ 'text cancelled': out })
  // Another run meets the half of it; for the rest, the tree that was cancelled goes on.
  await world.run('instagram', { usernames, parts: ['profile'], full: true })
  expect(Object.keys(await world.tasks())).toEqual(['text cancelled', 'text submitted'])
  await sql`update ledger.job_calls set status = 'cancelled', error = null, result = null where id = ${run.id}`.execute(
    world.db,
  )
  await world.db.transaction().execute((trx) => resume(trx, run.id, { wake: false }))
  expect(await world.tasks()).toEqual({ 'text submitted': out })
  await world.finish()
  await world.makeDue()
  await world.settle()
  expect(await world.tasks()).toEqual({ 'text succeeded': out })
  for (const { accepted } of await world.taken('text-ml')) expect(accepted).toBe(1)
})

test('what was read before there was a service, or was skipped by it, is analysed once there is one', async () => {
  const world = await analysisWorld()
  const usernames = await world.usernames()
  await world.run('instagram', { usernames, parts: ['profile', 'posts'] })
  await world.settle()
  const before = await world.tasks()
  // As if nothing but the videos had been told of by then.
  await sql`delete from ledger.analysis_tasks where kind <> 'video'`.execute(world.db)
  await world.run('replay', {})
  await world.admin('vision', 'PATCH', '/settings', { video: true })
  await world.settle()
  expect(await world.tasks()).toEqual({
    'image succeeded': before['image succeeded'],
    'text succeeded': before['text succeeded'],
    'video succeeded': before['video skipped'],
  })
})

test('a cancelling that meets who writes results half way is done again', async () => {
  const world = await analysisWorld({ env: textsAlone })
  await world.addTexts(10)
  const call = await world.run('poll-analysis', { seconds: 0 })
  await sql`update ledger.analysis_tasks set job_call_id = ${call.id}, root_call_id = ${call.id}`.execute(
    world.db,
  )
  const [ends] = await world.rows<{ first: string; last: string }>(
    'select min(content_key) as first, max(content_key) as last from ledger.analysis_tasks',
  )
  let cancelling: Promise<unknown> | undefined
  await world.db.transaction().execute(async (trx) => {
    const lock = (key = '') =>
      sql`select from ledger.analysis_tasks where content_key = ${key} for update`.execute(trx)
    // The other one finds the deadlock, and is ended.
    await sql`set local deadlock_timeout = '30s'`.execute(trx)
    await lock(ends?.last)
    cancelling = cancelCall(world.db, call, { who: 'a test', door: 'cli' })
    await until('the cancelling waits for the last', async () => {
      const waiting = await world.rows(
        `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
      )
      return waiting.length === 1
    })
    await lock(ends?.first)
  })
  expect(await cancelling).toMatchObject({ analyses: 10 })
})
