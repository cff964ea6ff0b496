import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { unblock } from '../../src/etl/extract/breaker.ts'
import { leftOver, nothing } from '../engine/support/calls.ts'
import { compare } from './support/tables.ts'
import { instagramWorld, type World } from './support/world.ts'
import { runProgram } from '../support/program.ts'

const kinds = ['profiles', 'posts', 'comments'] as const
const parts = ['profile', 'posts', 'reels', 'comments', 'replies']
const four = { profiles: 4, postsPerProfile: 20, commentsPerPost: { min: 1, max: 20, skew: 3 } }

test('one stream fails: it says why, and the rest goes on; resuming reads what it left out', async () => {
  const world = await instagramWorld(four)
  const { db } = world
  const profiles = await world.state('profiles')
  const posts = await Promise.all(
    profiles.map(async ({ pk }) =>
      (await world.state('posts', pk)).filter((post) => post.in_feed && post.comment_count > 0),
    ),
  )
  const [broken, html] = [posts[0]?.[0]?.pk, posts[1]?.[0]?.pk]
  await world.fault(
    { kind: 'status', status: 500, times: null, match: `/v2/media/comments?id=${broken}` },
    { kind: 'html', times: null, match: `/v2/media/comments?id=${html}` },
    { kind: 'repeatCursor', times: null, match: `user_id=${profiles[2]?.pk}&end_cursor` },
  )
  const params = { usernames: profiles.map(({ username }) => username), parts }
  const call = await world.run(params)
  expect(call.error).toMatchObject({ kind: 'children', message: '3 of 4 profiles failed' })
  const { rows } = await sql<{ operation: string; subject: string; reason: string }>`
    select operation, subject, error ->> 'message' as reason from ledger.service_calls where status = 'failed' order by id`.execute(
    db,
  )
  const reasonOf = (subject: string | undefined) =>
    rows.filter((row) => row.subject === subject).map(({ reason }) => reason)
  expect(reasonOf(broken)).toEqual([expect.stringContaining('500')])
  expect(reasonOf(html)).toHaveLength(1)
  expect(reasonOf(profiles[2]?.pk)[0]).toMatch(/the cursor repeats/)
  const { rows: calls } = await sql<{ message: string }>`
    select error ->> 'message' as message from ledger.job_calls where job = 'instagram-profile' and status = 'failed'`.execute(
    db,
  )
  expect(calls.map(({ message }) => message)).toContainEqual(
    expect.stringMatching(/^a stream of instagram comments failed: /),
  )
  // Of the first two just that post's comments are missing, of the last nothing.
  const { rows: stored } = await sql<{ profile: string }>`
    select distinct p.profile_external_id as profile from public.comments c join public.posts p on p.external_id = c.post_external_id`.execute(
    db,
  )
  expect(stored).toHaveLength(4)

  await world.noFaults()
  const again = await world.run(params)
  expect([again.id, again.status]).toEqual([call.id, 'succeeded'])
  expect((await compare(db, world, kinds)).differences).toEqual([])
  expect({ ...(await leftOver(db)), wakeUps: 0 }).toEqual(nothing)
})

test('a token that is refused ends the whole tree with few requests; with the right one it goes on', async () => {
  const world = await instagramWorld({ ...four, profiles: 150, postsPerProfile: 2 })
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  await world.patch({ accessKey: 'of-another' })
  const call = await world.run(params)
  expect(call.status).toBe('failed')
  expect(await statuses(world)).toEqual([{ status: 'failed', kinds: ['children', 'unauthorized'] }])
  expect((await world.requests()).length).toBeLessThanOrEqual(8)
  expect({ ...(await leftOver(db)), streams: [], wakeUps: 0 }).toEqual(nothing)
  const env = { ...world.env, DATABASE_URL: world.database.url }
  const args = ['instagram', '--params', JSON.stringify(params)]
  const { code, output } = await runProgram('src/cli/job.ts', args, env)
  expect([code, output]).toEqual([
    1,
    expect.stringMatching(
      /^the first: instagram-profile \S+: unauthorized: GET \S+: 401 .*\ncheck INSTAGRAM_ACCESS_KEY: /m,
    ),
  ])

  await world.patch({ accessKey: 'sandbox-key' })
  const again = await world.run(params)
  expect([again.id, again.status]).toEqual([call.id, 'succeeded'])
  expect((await compare(db, world, kinds)).differences).toEqual([])
})

test('an empty balance opens the breaker and stops everything; unblocked and resumed, all is read', async () => {
  const world = await instagramWorld(four)
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  await world.patch({ balance: 30 })
  const call = await world.run(params)
  expect(call.status).toBe('failed')
  const { rows: breakers } = await sql`select service from ledger.breakers`.execute(db)
  expect(breakers).toEqual([{ service: 'instagram' }])
  const asked = (await world.requests()).length
  // Each stream that was under way may meet it once, and none after that.
  expect(asked).toBeLessThanOrEqual(30 + 16)
  expect((await world.run(params)).status).toBe('failed')
  expect((await world.requests()).length).toBe(asked)

  await world.patch({ balance: 1_000_000 })
  expect(await unblock(db, 'instagram')).toHaveLength(1)
  const again = await world.run(params)
  expect([again.id, again.status]).toEqual([call.id, 'succeeded'])
  expect((await compare(db, world, kinds)).differences).toEqual([])
})

test('a burst of 429 is waited out', async () => {
  const world = await instagramWorld(four)
  await world.fault({ kind: 'status', status: 429, times: 6, skip: 10 })
  await world.succeed({ usernames: await world.usernames(), parts })
  expect((await compare(world.db, world, kinds)).differences).toEqual([])
  const { rows } = await sql<{
    retries: number
  }>`select sum(retries)::int as retries from ledger.service_calls`.execute(world.db)
  expect(rows[0]?.retries).toBeGreaterThanOrEqual(6)
})

async function statuses({ db }: World) {
  const { rows } = await sql`
    select status, array_agg(distinct error ->> 'kind' order by error ->> 'kind') as kinds from ledger.job_calls group by 1`.execute(
    db,
  )
  return rows
}
