import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { compare } from './support/tables.ts'
import { count, instagramWorld } from './support/world.ts'

const onePage = { profiles: 1, postsPerProfile: 30, commentsPerPost: 2, reels: 0.3 }
const kinds = ['profiles', 'posts', 'comments'] as const
const parts = ['profile', 'posts', 'reels', 'comments', 'replies']

test('deleted posts are marked gone, each after asking for it by id, and only as far down as was read', async () => {
  const world = await instagramWorld(onePage)
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  const posts = (await world.state('posts')).filter((post) => post.in_feed && !post.is_pinned)
  const young = posts.filter(({ in_clips: isReel }) => !isReel)[2]
  const old = posts.at(-1)
  await world.change({ op: 'deletePost', media: young?.pk }, { op: 'deletePost', media: old?.pk })
  const goneNow = async () => {
    const { rows } = await sql<{ id: string; by: string }>`
      select p.external_id as id, s.operation as by from public.posts p join ledger.service_calls s on s.id = p.service_call_id
      where p.gone_at is not null order by p.taken_at desc`.execute(db)
    return rows
  }
  const requests = await world.succeed(params)
  expect(requests.filter(({ path }) => path.endsWith('/by/id')).map(({ query }) => query)).toEqual([
    expect.stringContaining(young?.pk ?? 'none'),
  ])
  expect(await goneNow()).toEqual([{ id: young?.pk, by: 'posts_by_id' }])

  await world.succeed({ ...params, full: true })
  expect(await goneNow()).toEqual([
    { id: young?.pk, by: 'posts_by_id' },
    { id: old?.pk, by: 'posts_by_id' },
  ])
  expect((await compare(db, world, kinds)).differences).toEqual([])
  expect(count(await world.succeed({ ...params, full: true }))['post by id']).toBeUndefined()
})

test('comments of a post that is gone, and of one whose comments are refused, are asked for once and not every night', async () => {
  const world = await instagramWorld({ ...onePage, commentsPerPost: { min: 1, max: 3 } })
  const feed = { usernames: await world.usernames(), parts: ['profile', 'posts'] }
  const params = { ...feed, parts: [...feed.parts, 'comments'] }
  await world.succeed(feed)
  const posts = await world.state('posts')
  const [gone, silenced] = posts
    .filter((post) => post.in_feed && !post.is_pinned && post.top_level_comments > 0)
    .toReversed()
  // Both stand below what is read of the feed, so that it does not tell of either.
  await world.change(
    { op: 'deletePost', media: gone?.pk },
    { op: 'editPost', media: silenced?.pk, commentsOff: true },
  )
  const skipped = async () => {
    const { rows } = await sql<{ subject: string; why: string }>`
      select subject, error ->> 'message' as why from ledger.service_calls
      where status = 'skipped' and subject = any(${[gone?.pk, silenced?.pk]}::text[])`.execute(
      world.db,
    )
    return rows
  }
  const both = [
    { subject: gone?.pk, why: 'the post is not there any more' },
    { subject: silenced?.pk, why: 'comments are off' },
  ]
  await world.succeed(params)
  expect(await skipped()).toEqual(expect.arrayContaining(both))
  expect(count(await world.succeed(params))).toEqual({ profile: 1, posts: 1 })
  expect(await skipped()).toHaveLength(2)

  // Another count is a reason to ask again.
  await sql`update public.posts set comment_count = comment_count + 1 where external_id = ${silenced?.pk}`.execute(
    world.db,
  )
  expect(count(await world.succeed(params))).toEqual({ profile: 1, posts: 1, comments: 1 })
})

test('a post that a list leaves out but that is there is not gone', async () => {
  const world = await instagramWorld(onePage)
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  await world.fault(
    { kind: 'badRecord', how: 'noId', records: [5], match: '/medias/chunk' },
    { kind: 'badRecord', how: 'noId', records: [0, 1], match: '/clips/chunk' },
  )
  const again = count(await world.succeed(params))
  expect(again['post by id']).toBeGreaterThan(0)
  const { rows } =
    await sql`select external_id from public.posts where gone_at is not null`.execute(db)
  expect(rows).toEqual([])
})

test('a small profile loses its last reel and its oldest post: a full read finds both', async () => {
  const world = await instagramWorld({ profiles: 1, postsPerProfile: 3, reels: 0, clipsOnly: 0 })
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  const [clip] = await world.change({ op: 'newPost', what: 'clip' })
  await world.succeed(params)
  const posts = await world.state('posts')
  const oldest = posts.at(-1)
  await world.change({ op: 'deletePost', media: clip?.pk }, { op: 'deletePost', media: oldest?.pk })
  await world.succeed({ ...params, full: true })
  expect((await compare(db, world, ['posts'])).differences).toEqual([])
})

test('a list that comes empty takes nothing away, and moves nothing', async () => {
  const world = await instagramWorld({ ...onePage, postsPerProfile: 5, reels: 0, clipsOnly: 0 })
  const { db } = world
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  const before = await marks()
  await world.change({ op: 'deletePost', count: 5 })
  const requests = count(await world.succeed(params))
  expect(requests).toEqual({ profile: 1, posts: 1, reels: 1 })
  expect(await marks()).toEqual(before)

  async function marks() {
    const { rows } = await sql`
      select operation, value from ledger.watermarks
      union all select external_id, gone_at from public.posts order by 1`.execute(db)
    return rows
  }
})

test('renamed: found by its id, and its rows follow; private: skipped; deleted: gone, and back again', async () => {
  const world = await instagramWorld({ ...onePage, profiles: 3, postsPerProfile: 5 })
  const { db } = world
  const usernames = await world.usernames()
  const params = { usernames, parts }
  await world.succeed(params)
  const [renamed, closed, deleted] = await world.state('profiles')
  await world.change(
    { op: 'editProfile', profile: renamed?.pk, username: 'another.name' },
    { op: 'newPost', profile: renamed?.pk },
    { op: 'editProfile', profile: closed?.pk, status: 'private' },
    { op: 'editProfile', profile: deleted?.pk, status: 'gone' },
  )
  const call = await world.run({ ...params, full: true })
  expect(call.error).toMatchObject({ message: '1 of 3 profiles failed' })
  expect((await compare(db, world, kinds)).differences).toEqual([])
  const { rows } = await sql`
    select external_id, username, is_private, gone_at is not null as gone from public.profiles order by username = 'another.name' desc, gone_at is null desc`.execute(
    db,
  )
  expect(rows).toEqual([
    { external_id: renamed?.pk, username: 'another.name', is_private: false, gone: false },
    { external_id: closed?.pk, username: closed?.username, is_private: true, gone: false },
    { external_id: deleted?.pk, username: deleted?.username, is_private: false, gone: true },
  ])
  const { rows: skipped } = await sql`
    select operation, error ->> 'message' as reason from ledger.service_calls
    where subject = ${closed?.pk} and status = 'skipped' order by 1`.execute(db)
  const reason = 'the profile is private'
  expect(skipped).toEqual(
    ['comments', 'posts', 'reels'].map((operation) => ({ operation, reason })),
  )

  for (const profile of [closed, deleted])
    await world.change({ op: 'editProfile', profile: profile?.pk, status: 'public' })
  expect(await world.newNight({ ...params, full: true })).toMatchObject({ status: 'succeeded' })
  expect((await compare(db, world, kinds)).differences).toEqual([])
})
