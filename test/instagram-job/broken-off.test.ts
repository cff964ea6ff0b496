import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { LogEntry } from '../../sandbox/request-log.ts'
import { cancelTree } from '../../src/db/cancel.ts'
import { until } from '../support/until.ts'
import { compare } from './support/tables.ts'
import { instagramWorld, wayOf } from './support/world.ts'

const long = { profiles: 1, postsPerProfile: 60, commentsPerPost: { zero: 0.8, min: 1, max: 30 } }
const parts = ['profile', 'posts', 'comments', 'replies']
const asked = (requests: readonly LogEntry[], way: string) =>
  requests.filter((request) => wayOf(request) === way).map(({ query }) => query)

test('posts that failed half way go on from their cursor the next night', async () => {
  const world = await instagramWorld({ ...long, clipsOnly: 0 })
  const params = { usernames: await world.usernames(), parts }
  await world.fault({ kind: 'status', status: 500, skip: 2, times: null, match: 'end_cursor' })
  expect((await world.newNight(params)).status).toBe('failed')
  const first = new Set(asked(await world.requests(), 'posts'))
  expect(first.size).toBe(4) // Three pages came, the fourth did not.

  await world.noFaults()
  await world.forgetRequests()
  const next = await world.newNight(params)
  expect(next.status).toBe('succeeded')
  const requests = await world.requests()
  const again = asked(requests, 'posts').filter((query) => first.has(query))
  expect(again).toHaveLength(1)
  expect(asked(requests, 'posts')).toHaveLength(2)
  expect((await compare(world.db, world, ['profiles', 'posts', 'comments'])).differences).toEqual(
    [],
  )
  const { rows } = await sql<{ subject: string }>`
    select subject from ledger.service_calls where adopted_from is not null and operation = 'posts'`.execute(
    world.db,
  )
  expect(rows).toHaveLength(1)
})

test('a call that is cancelled half way goes on where it stood the next night', async () => {
  // Posts enough that they are still being read when the cancelling is heard of: where no list is unfinished, nothing is adopted.
  const world = await instagramWorld({
    ...long,
    postsPerProfile: 300,
    clipsOnly: 0,
    latencyMs: 100,
  })
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  const id = await world.queue(params)
  const running = world.runCall(id)
  await until('two pages of posts are written', async () => {
    const { rows } = await sql`
      select from ledger.service_calls where operation = 'posts' and pages >= 2`.execute(db)
    return rows.length > 0
  })
  await cancelTree(db, id, 'a test')
  expect((await running).status).toBe('cancelled')
  const first = (await world.requests()).map(({ path, query }) => `${path}${query}`)

  await world.forgetRequests()
  expect((await world.newNight(params)).status).toBe('succeeded')
  const requests = await world.requests()
  const again = requests.filter(({ path, query }) => first.includes(`${path}${query}`))
  // What was under way when it was cancelled, and the profile, since that may have changed.
  expect(again.length).toBeLessThanOrEqual(5)
  expect(asked(requests, 'profile')).toHaveLength(1)
  expect((await compare(db, world, ['profiles', 'posts', 'comments'])).differences).toEqual([])
})

test('a stream that fails night after night keeps nothing else from being read anew', async () => {
  const world = await instagramWorld({ ...long, postsPerProfile: 20, clipsOnly: 0 })
  const params = { usernames: await world.usernames(), parts }
  const bad = (await world.state('posts')).find(({ comment_count: n }) => n > 15)
  // From its second page on, so that there is a cursor to adopt.
  await world.fault({ kind: 'status', status: 400, skip: 1, times: null, match: `id=${bad?.pk}` })
  for (const night of [1, 2, 3]) {
    expect((await world.newNight(params)).status, `night ${night}`).toBe('failed')
    expect((await compare(world.db, world, ['profiles', 'posts'])).differences).toEqual([])
    await world.change({ op: 'newPost', count: 2 })
  }
  await world.noFaults()
  expect((await world.newNight(params)).status).toBe('succeeded')
  expect((await compare(world.db, world, ['profiles', 'posts', 'comments'])).differences).toEqual(
    [],
  )
})

test('where nothing is adopted, a new read leaves out nothing that a broken one left below what it wrote', async () => {
  const world = await instagramWorld({ ...long, postsPerProfile: 20, clipsOnly: 0 })
  const { db } = world
  const usernames = await world.usernames()
  await world.succeed({ usernames, parts })
  const post = (await world.state('posts')).find(({ comment_count: n }) => n > 0)
  await world.change({ op: 'newPost', count: 40 }, { op: 'newComment', media: post?.pk, count: 70 })
  await world.fault(
    { kind: 'status', status: 500, skip: 2, times: null, match: 'end_cursor' },
    { kind: 'status', status: 500, skip: 1, times: null, match: 'page_id' },
  )
  expect((await world.newNight({ usernames, parts, full: true })).status).toBe('failed')
  await world.noFaults()
  // Other parameters: not the call that was broken off.
  await world.succeed({ usernames, parts, refreshDays: 6 })
  await world.succeed({ usernames, parts, refreshDays: 5 })
  expect((await compare(db, world, ['posts', 'comments'])).differences).toEqual([])
})
