import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { compare } from './support/tables.ts'
import { count, instagramWorld, type World } from './support/world.ts'

const kinds = ['profiles', 'posts', 'comments'] as const
const parts = ['profile', 'posts', 'reels', 'comments', 'replies']
const manyPosts = { profiles: 3, postsPerProfile: { min: 14, max: 30 } }

test('between two runs: new posts, comments and replies, edited captions, comments switched off: the tables follow', async () => {
  const world = await instagramWorld(manyPosts)
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  const differences = async () => (await compare(world.db, world, kinds)).differences
  expect(await differences()).toEqual([])

  const [one, two] = await world.state('profiles')
  const young = await youngPosts(world, one?.pk ?? '')
  const [edited, silenced, commented] = young
  const answered = young.find(({ pk, top_level_comments: n }) => {
    return n > 0 && n < 12 && pk !== silenced?.pk
  })
  await world.change(
    { op: 'newPost', profile: one?.pk, count: 3 },
    { op: 'newPost', profile: one?.pk, what: 'reel', count: 2 },
    { op: 'newPost', profile: two?.pk, what: 'clip' },
    { op: 'newComment', profile: one?.pk, media: commented?.pk, count: 20 },
    { op: 'newReply', profile: one?.pk, media: answered?.pk },
    { op: 'editPost', media: edited?.pk, caption: 'another @someone #tag', likeCount: 4711 },
    { op: 'editPost', media: silenced?.pk, commentsOff: true },
    { op: 'editProfile', profile: two?.pk, biography: 'all #new', fullName: 'New Name' },
  )
  await world.succeed(params)
  // What was written under a post before its comments were switched off stays.
  await sql`delete from public.comments where post_external_id = ${silenced?.pk}`.execute(world.db)
  expect(await differences()).toEqual([])
  const { rows } =
    await sql`select caption, mentions, hashtags, like_count from public.posts where external_id = ${edited?.pk}`.execute(
      world.db,
    )
  expect(rows).toMatchObject([{ mentions: ['someone'], hashtags: ['tag'] }])

  expect(count(await world.succeed(params))).toMatchObject({ profile: 3, posts: 3 })
})

test('more new posts than a page holds, and more new comments: all of them', async () => {
  const world = await instagramWorld(manyPosts)
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  const [one] = await world.state('profiles')
  const [young] = await youngPosts(world, one?.pk ?? '')
  await world.change(
    { op: 'newPost', profile: one?.pk, count: 40 },
    { op: 'newComment', media: young?.pk, count: 70 },
  )
  await world.succeed(params)
  const { differences } = await compare(world.db, world, kinds)
  // The post stands on the fourth page now: read since it is younger than a week, and its comments since it told of more.
  expect(differences).toEqual([])
})

test('a page on which something changed is followed by the next; one on which nothing did ends the list', async () => {
  const world = await instagramWorld({ profiles: 1, postsPerProfile: 40, clipsOnly: 0 })
  const params = {
    usernames: await world.usernames(),
    parts: ['profile', 'posts'],
    refreshDays: 3650,
  }
  await world.succeed(params)
  const posts = (await world.state('posts')).filter((post) => !post.is_pinned)
  const caption = 'edited'
  await world.change(
    { op: 'editPost', media: posts[2]?.pk, caption },
    { op: 'editPost', media: posts[16]?.pk, caption },
  )
  expect(count(await world.succeed(params))).toEqual({ profile: 1, posts: 3 })
  expect((await compare(world.db, world, ['posts'])).differences).toEqual([])
  expect(count(await world.succeed(params))).toEqual({ profile: 1, posts: 1 })
})

test('nothing changed: no post is asked for by its id, whatever parts are read', async () => {
  const world = await instagramWorld(manyPosts)
  const usernames = await world.usernames()
  await world.succeed({ usernames })
  const again = count(await world.succeed({ usernames }))
  expect(again['post by id']).toBeUndefined()
  expect(again).toMatchObject({ profile: 3, posts: 3, stories: 3, highlights: 3 })
  expect([again['comments'], again['replies'], again['likers']]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('what changed far down is found by a full read', async () => {
  const world = await instagramWorld(manyPosts)
  const params = { usernames: await world.usernames(), parts }
  await world.succeed(params)
  const [one] = await world.state('profiles')
  const posts = (await world.state('posts', one?.pk)).filter((post) => !post.is_pinned)
  const [oldest, other] = posts.toReversed()
  await world.change(
    { op: 'editPost', media: oldest?.pk, caption: 'found' },
    { op: 'newComment', media: other?.pk, count: 2 },
  )
  await world.succeed(params)
  expect((await compare(world.db, world, kinds)).count).toBeGreaterThan(0)
  await world.succeed({ ...params, full: true })
  expect((await compare(world.db, world, kinds)).differences).toEqual([])
})

test('figures: a row a day, and only where one changed', async () => {
  const world = await instagramWorld(manyPosts)
  const params = { usernames: await world.usernames(), parts: ['profile', 'posts'] }
  await world.succeed(params)
  const [one] = await world.state('profiles')
  const [young] = await youngPosts(world, one?.pk ?? '')
  // As if that had been yesterday.
  await sql`update public.post_metrics set day = day - 1`.execute(world.db)
  await sql`update public.profile_metrics set day = day - 1`.execute(world.db)
  await world.change({ op: 'editPost', media: young?.pk, likeCount: 4711 })
  await world.succeed(params)
  await world.change(
    { op: 'editPost', media: young?.pk, likeCount: 4712 },
    { op: 'newFollower', profile: one?.pk },
  )
  await world.succeed(params)
  const { rows: today } =
    await sql`select post_external_id, like_count from public.post_metrics where day = (clock_timestamp() at time zone 'UTC')::date`.execute(
      world.db,
    )
  const like_count = young?.likes_hidden ? null : 4712
  expect(today).toEqual([{ post_external_id: young?.pk, like_count }])
  const { rows: profiles } =
    await sql`select profile_external_id, follower_count from public.profile_metrics where day = (clock_timestamp() at time zone 'UTC')::date`.execute(
      world.db,
    )
  const follower_count = (one?.follower_count ?? 0) + 1
  expect(profiles).toEqual([{ profile_external_id: one?.pk, follower_count }])
})

/** Posts of the first page that are not pinned and whose likes are told, the newest first. */
async function youngPosts(world: World, profile: string) {
  const posts = await world.state('posts', profile)
  return posts
    .filter((post) => post.in_feed && !post.is_pinned && !post.likes_hidden)
    .filter((post) => !post.comments_disabled)
    .slice(0, 6)
}
