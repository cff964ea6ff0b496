import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { compare, type Kind } from './support/tables.ts'
import { count, instagramWorld } from './support/world.ts'

test('every part of a profile: likers, followers, following, stories, highlights; then who came and who left', async () => {
  const world = await instagramWorld({ profiles: 4, postsPerProfile: { min: 2, max: 12 } })
  const { db } = world
  const parts =
    'profile,posts,reels,comments,replies,likers,followers,following,stories,highlights'.split(',')
  const params = { usernames: await world.usernames(), parts }
  const kinds: Kind[] = ['profiles', 'posts', 'comments', 'likers']
  kinds.push('followers', 'following', 'stories', 'highlights')
  await world.succeed(params)
  const first = await compare(db, world, kinds)
  expect(first.differences).toEqual([])
  for (const rows of Object.values(first.counts)) expect(rows).toBeGreaterThan(0)

  const [one, two, three] = await world.state('profiles')
  const post = (await world.state('posts', one?.pk)).find(({ likes_hidden: hidden }) => !hidden)
  const liked = `${post?.pk}/424242`
  // Somebody who liked it at the last read, and no longer does.
  await sql`
    insert into public.likes (source, post_external_id, user_external_id, username, service_call_id)
    select 'instagram', ${post?.pk}, '424242', 'fickle', ledger.uuid_v7()`.execute(db)
  await world.change(
    { op: 'newLiker', media: post?.pk, count: 2 },
    { op: 'newFollower', profile: one?.pk, count: 3 },
    { op: 'lostFollower', profile: two?.pk, count: 2 },
    { op: 'newStory', profile: three?.pk },
  )
  const requests = count(await world.succeed(params))
  expect((await compare(db, world, kinds)).differences).toEqual([])
  const { rows: gone } = await sql`
    select concat_ws('/', post_external_id, user_external_id) as gone from public.likes where gone_at is not null
    union all select 'follow of ' || followee_external_id from public.follows where gone_at is not null
      and not (follower_external_id in (select pk from public.profiles) and followee_external_id in (select pk from public.profiles))`.execute(
    db,
  )
  expect(gone).toEqual([
    { gone: liked },
    { gone: `follow of ${two?.pk}` },
    { gone: `follow of ${two?.pk}` },
  ])
  expect(requests['likers']).toBe(1)
  expect(requests['following']).toBeUndefined()
  // Followers of the first and the second: what changed their counts.
  const pages = [one?.follower_count ?? 0, two?.follower_count ?? 0]
  expect(requests['followers']).toBeLessThanOrEqual(
    pages.reduce((sum, people) => sum + Math.ceil((people + 3) / 50), 0),
  )
})

test('the likers of a post whose comments are off are read too', async () => {
  const world = await instagramWorld({ profiles: 1, postsPerProfile: 6, likers: 3 })
  const posts = (await world.state('posts')).filter((post) => post.in_feed)
  await world.change({ op: 'editPost', media: posts[0]?.pk, commentsOff: true })
  await world.succeed({
    usernames: await world.usernames(),
    parts: ['profile', 'posts', 'reels', 'likers'],
  })
  expect((await compare(world.db, world, ['posts', 'likers'])).differences).toEqual([])
})
