import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { compare, placesOf } from './support/tables.ts'
import { count, instagramWorld } from './support/world.ts'

const twoHundred = {
  profiles: 200,
  crowd: 5000,
  privatePercent: 5,
  gonePercent: 2,
  renamedPercent: 2,
  postsPerProfile: { zero: 0.05, min: 1, max: 20, skew: 2 },
  commentsPerPost: { zero: 0.7, min: 1, max: 20, skew: 4 },
}
const everything = ['profiles', 'posts', 'comments'] as const

test('200 profiles: every row that exists and no other; what is gone or private is said; resuming runs just what failed', async () => {
  const world = await instagramWorld(twoHundred)
  const { db } = world
  const profiles = await world.state('profiles')
  const gone = profiles.filter(({ status }) => status === 'gone')
  const closed = profiles.filter(({ status }) => status === 'private')
  expect(gone.length).toBeGreaterThan(0)
  expect(closed.length).toBeGreaterThan(0)
  const params = {
    usernames: profiles.map(({ username }) => username),
    parts: ['profile', 'posts', 'reels', 'comments', 'replies'],
  }
  const call = await world.run(params)
  expect(call).toMatchObject({
    status: 'failed',
    error: { kind: 'children', message: `${gone.length} of 200 profiles failed` },
  })
  const { differences, counts } = await compare(db, world, everything)
  expect(differences).toEqual([])
  console.log('rows that exist:', counts)

  const { rows: failed } = await sql<{ subject: string; message: string }>`
    select c.subject, c.error ->> 'message' as message from ledger.job_calls c where job = 'instagram-profile' and status = 'failed'
    order by 1`.execute(db)
  expect(failed).toEqual(
    gone
      .map(({ username }) => username)
      .toSorted()
      .map((subject) => ({
        subject,
        message: expect.stringContaining(`no profile named ${subject}`),
      })),
  )
  const silent = (await world.state('posts')).filter(({ comments_disabled: off }) => off)
  const { rows: skipped } = await sql`
    select s.subject, array_agg(s.operation order by s.operation) as operations, min(s.error ->> 'message') as reason
    from ledger.service_calls s where status = 'skipped' group by 1 order by 1`.execute(db)
  const ofProfiles = closed.map(({ pk: subject }) => ({
    subject,
    operations: ['comments', 'posts', 'reels'],
    reason: 'the profile is private',
  }))
  const ofPosts = silent.map(({ pk: subject }) => ({
    subject,
    operations: ['comments'],
    reason: 'comments are off',
  }))
  expect(skipped).toEqual(
    [...ofProfiles, ...ofPosts].toSorted((a, b) => (a.subject < b.subject ? -1 : 1)),
  )

  // Two of those that were gone come back.
  const back = gone.slice(0, 2)
  await world.change(
    ...back.map(({ pk }) => ({ op: 'editProfile', profile: pk, status: 'public' })),
  )
  await world.forgetRequests()
  const again = await world.run(params)
  expect(again).toMatchObject({ id: call.id, attempt: 1 })
  expect(again.error).toMatchObject({ message: `${gone.length - 2} of 200 profiles failed` })
  const asked = (await world.requests()).filter(({ path }) => path.includes('/by/username'))
  expect(asked.map(({ query }) => query.replace(/.*username=/, '')).toSorted()).toEqual(
    gone.map(({ username }) => username).toSorted(),
  )
  expect((await compare(db, world, everything)).differences).toEqual([])
}, 180_000)

test('200 profiles again, with parts profile, posts and comments and nothing changed: two requests each, no row written', async () => {
  const world = await instagramWorld({ ...twoHundred, gonePercent: 0, renamedPercent: 0 })
  const { db } = world
  const profiles = await world.state('profiles')
  const open = profiles.filter(({ status }) => status === 'public').length
  const params = {
    usernames: profiles.map(({ username }) => username),
    parts: ['profile', 'posts', 'comments'],
  }
  await world.succeed(params)
  const before = await placesOf(db)
  const requests = await world.succeed(params)
  expect(count(requests)).toEqual({ profile: 200, posts: open })
  expect(await placesOf(db)).toEqual(before)
}, 180_000)
