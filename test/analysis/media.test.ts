import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { pollAnalysis } from '../../src/jobs/poll-analysis.ts'
import { analysisWorld } from './support/world.ts'

const mediaAlone = { TEXT_ML_BASE_URL: '' }
interface Task {
  status: string
  attempt: number
  fresh_address: string | null
  error: { message: string } | null
}
const images = `select status, attempt, fresh_address, error from ledger.analysis_tasks where kind = 'image'`

test('an address that has expired: the post is read again, once, and the medium goes out with a fresh one', async () => {
  const world = await analysisWorld({ env: mediaAlone })
  const usernames = await world.usernames()
  await world.run('instagram', { usernames, parts: ['profile', 'posts'] })
  const count = (await world.tasks())['image waiting'] ?? 0
  expect(count).toBeGreaterThan(5)
  await world.admin('vision', 'POST', '/item-fates', [
    // Of one the address stays out of reach.
    { code: 'fetch_failed', message: 'it is over', retriable: true, times: count },
    { code: 'fetch_failed', message: 'it is over', retriable: true, skip: count, times: 1 },
  ])
  await world.settle()
  const tasks = await world.rows<Task>(images)
  expect(tasks).toHaveLength(count)
  const [failed, ...succeeded] = tasks.toSorted((a, b) => a.status.localeCompare(b.status))
  expect(failed).toMatchObject({
    status: 'failed',
    attempt: 2,
    fresh_address: 'given',
    error: { message: 'fetch_failed: it is over' },
  })
  for (const task of succeeded)
    expect(task).toMatchObject({
      status: 'succeeded',
      attempt: 2,
      fresh_address: 'given',
      error: null,
    })
  const [read] = await world.rows<{ posts: number; asked: number }>(`
    select (select count(*) from posts) as posts,
      (select sum(requests)::int from ledger.service_calls where operation = 'posts_by_id') as asked`)
  expect(read?.asked).toBeLessThanOrEqual(read?.posts ?? 0)
})

test('a medium whose post is gone, or that nobody can read again, has failed', async () => {
  const world = await analysisWorld({ env: mediaAlone })
  const usernames = await world.usernames()
  await world.run('instagram', { usernames, parts: ['profile', 'posts'] })
  await world.admin('vision', 'POST', '/item-fates', [
    { code: 'fetch_failed', message: 'gone', times: null },
  ])
  await world.run('poll-analysis', { seconds: 0 })
  await world.finish()
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  const wanted = await world.rows<Task>(`${images} and fresh_address = 'wanted'`)
  expect(wanted.length).toBeGreaterThan(5)
  // Instagram does not find any of them.
  await world.admin('instagram', 'POST', '/faults', [
    { kind: 'status', status: 404, match: 'media/by/id', times: null },
  ])
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  for (const task of await world.rows<Task>(images))
    expect(task).toMatchObject({
      status: 'failed',
      error: { message: 'fetch_failed: gone; and it is no longer there for a fresh address' },
    })
})

test('a post that never answers is read again three times, then the medium has failed', async () => {
  const world = await analysisWorld({ env: mediaAlone })
  await world.run('instagram', {
    usernames: (await world.usernames()).slice(0, 1),
    parts: ['profile', 'posts'],
  })
  await world.admin('vision', 'POST', '/item-fates', [
    { code: 'fetch_failed', message: 'gone', times: null },
  ])
  await world.run('poll-analysis', { seconds: 0 })
  await world.finish()
  await world.admin('instagram', 'POST', '/faults', [
    { kind: 'status', status: 503, match: 'media/by/id', times: null },
  ])
  for (let read = 0; read < 5; read++) {
    await world.makeDue()
    await world.run('poll-analysis', { seconds: 0 })
  }
  const tasks = await world.rows<Task & { reads_again: number }>(
    images.replace('select ', 'select reads_again, '),
  )
  for (const task of tasks)
    expect(task).toMatchObject({
      status: 'failed',
      reads_again: 3,
      error: { message: 'fetch_failed: gone; and it cannot be read again for a fresh address' },
    })
})

test('videos wait ever longer where the service does not say what it takes', async () => {
  const world = await analysisWorld({ env: mediaAlone })
  await world.run('instagram', { usernames: await world.usernames(), parts: ['profile', 'posts'] })
  await world.rows(`delete from ledger.analysis_tasks where kind <> 'video'`)
  await world.admin('vision', 'POST', '/faults', [
    { kind: 'status', status: 503, match: 'capabilities', times: null },
  ])
  const isDue = () => pollAnalysis.isDue?.({ db: world.db, settings: world.settings })
  expect(await isDue()).toBe(true)
  await world.run('poll-analysis', { seconds: 0 })
  expect(await world.tasks()).toMatchObject({ 'video waiting': expect.any(Number) })
  expect(await isDue()).toBe(false)
})

test.each([
  ['is ours already', 'select'],
  [
    'is older than the sending',
    `with unknown as (delete from ledger.analysis_batches where remote_id is not null)
    update ledger.analysis_batches set created_at = now() + interval '5 minutes' where status = 'sending'`,
  ],
])(
  'Replicate: what %s is not taken for the prediction whose answer was lost',
  async (_how, change) => {
    const world = await analysisWorld({
      env: { ...mediaAlone, VISION_API: 'replicate', VISION_MODEL: 'a1'.repeat(32) },
      replicate: { failShare: 0, createsPerWindow: 100_000, othersPerWindow: 100_000 },
    })
    await world.run('instagram', {
      usernames: (await world.usernames()).slice(0, 1),
      parts: ['profile', 'posts'],
    })
    await sql`delete from ledger.analysis_tasks where content_key not in (select content_key from ledger.analysis_tasks where kind = 'image' order by 1 limit 1)`.execute(
      world.db,
    )
    await world.run('poll-analysis', { seconds: 0 })
    // Handed over anew, and this time nothing comes of the sending.
    await sql`update ledger.analysis_tasks set status = 'waiting', batch_id = null`.execute(
      world.db,
    )
    await world.admin('replicate', 'POST', '/faults', [{ kind: 'reset', match: 'POST', times: 1 }])
    await world.run('poll-analysis', { seconds: 0 })
    await world.rows(change)
    await world.makeDue()
    await world.run('poll-analysis', { seconds: 0 })
    expect(await world.taken('replicate')).toMatchObject([{ accepted: 2 }])
  },
)

test('by the predictions API of Replicate: a prediction for each, kept with its model', async () => {
  const world = await analysisWorld({
    env: { ...mediaAlone, VISION_API: 'replicate', VISION_MODEL: 'c3'.repeat(32) },
    replicate: { failShare: 0, createsPerWindow: 100_000, othersPerWindow: 100_000 },
  })
  await world.run('instagram', {
    usernames: (await world.usernames()).slice(0, 1),
    parts: ['profile', 'posts'],
  })
  await world.run('poll-analysis', { seconds: 3 })
  await world.settle()
  const tasks = await world.rows<Task>(images)
  expect(tasks.length).toBeGreaterThan(3)
  for (const { status } of tasks) expect(status).toBe('succeeded')
  const analyses = await world.rows('select labels, model from media_analysis')
  expect(analyses).toHaveLength(tasks.length)
  for (const analysis of analyses)
    expect(analysis).toMatchObject({
      labels: expect.any(Array),
      model: expect.stringContaining('sandbox/detector'),
    })
  for (const { accepted } of await world.taken('replicate')) expect(accepted).toBe(1)
})

test('Replicate: an answer that was lost is found again in the list; what was removed after an hour is predicted again', async () => {
  const world = await analysisWorld({
    env: { ...mediaAlone, VISION_API: 'replicate', VISION_MODEL: 'a1'.repeat(32) },
    replicate: { failShare: 0, createsPerWindow: 100_000, othersPerWindow: 100_000 },
  })
  await world.run('instagram', {
    usernames: (await world.usernames()).slice(0, 1),
    parts: ['profile', 'posts'],
  })
  await sql`delete from ledger.analysis_tasks where content_key not in (select content_key from ledger.analysis_tasks where kind = 'image' order by 1 limit 2)`.execute(
    world.db,
  )
  await world.admin('replicate', 'POST', '/faults', [
    { kind: 'lostAnswer', match: 'POST', times: 1 },
  ])
  await world.run('poll-analysis', { seconds: 0 })
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  for (const { accepted } of await world.taken('replicate')) expect(accepted).toBe(1)
  expect(
    await world.rows(`select sends, in_doubt, status from ledger.analysis_batches order by sends`),
  ).toEqual([
    { sends: 1, in_doubt: false, status: 'out' },
    { sends: 2, in_doubt: true, status: 'out' },
  ])
  await world.finish(10_000)
  await world.makeDue()
  await world.run('poll-analysis', { seconds: 0 })
  expect(
    await world.rows(
      `select distinct last_status from ledger.analysis_batches where status = 'lost'`,
    ),
  ).toEqual([{ last_status: 'expired' }])
  await world.makeDue()
  await world.settle()
  expect(await world.tasks()).toEqual({ 'image succeeded': 2 })
})
