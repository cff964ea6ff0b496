import { expect, test } from 'vitest'
import { owners, pageAll } from '../sandbox/instagram-paging.ts'
import { withInstagram } from '../sandbox/with-instagram.ts'
import { openTestRoute, pks, readPart } from './support/read-part.ts'

const lively = {
  postsPerProfile: 40,
  commentsPerPost: { zero: 0.2, min: 1, max: 40, skew: 2 },
  likers: 5,
  followers: 120,
  following: 60,
  stories: 3,
  highlights: 3,
}

async function world(options: object = {}) {
  const sandbox = await withInstagram({ ...lively, ...options })
  const opened = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.sandbox.baseUrls.instagram })
  const profiles = await sandbox.state('profiles')
  const [profile] = profiles.filter((row) => row.status === 'public' && row.media_count > 24)
  if (profile === undefined) throw new Error('nobody has enough posts')
  const asked = { externalId: profile.pk, username: profile.username }
  return { ...opened, sandbox, profiles, profile, asked }
}

const sorted = (ids: readonly string[]) => ids.toSorted()

test('posts, reels and people are read to their ends, in pages of the list’s own size', async () => {
  const { route, sandbox, asked } = await world()
  const client = () => sandbox
  for (const [part, list] of [
    [route.posts, 'feed'],
    [route.reels, 'clips'],
  ] as const) {
    const there = await pageAll(client, list, asked.externalId)
    const read = await readPart(part, part.seed(asked))
    expect(pks(read.records)).toEqual(there.pks)
    expect(read.requests).toBe(there.pages)
  }
  const followers = await readPart(route.followers, route.followers.seed(asked))
  expect(followers.records[0]).toMatchObject({
    profile_pk: asked.externalId,
    follower: { username: expect.any(String) },
    followee: { pk: asked.externalId, username: asked.username },
  })
  expect(pks(followers.records.map(({ follower }) => follower as Record<string, unknown>))).toEqual(
    (await pageAll(client, 'followers', asked.externalId)).pks,
  )
  const following = await readPart(route.following, route.following.seed(asked))
  expect(pks(following.records.map(({ followee }) => followee as Record<string, unknown>))).toEqual(
    (await pageAll(client, 'following', asked.externalId)).pks,
  )
})

test('comments with all their replies, each naming post and parent', async () => {
  const { route, sandbox, asked } = await world()
  const posts = (await sandbox.state('posts', asked.externalId)).filter(
    (post) => !post.comments_disabled && post.comment_count > 20,
  )
  let answered = 0
  for (const post of posts.slice(0, 5)) {
    const seed = route.comments.seed({ externalId: post.pk, shortcode: post.code, replies: true })
    const { records, opens } = await readPart(route.comments, seed)
    const replies = []
    for (const { operation, subject, cursor } of opens) {
      expect(operation).toBe('replies')
      const read = await readPart(route.replies, { cursor })
      for (const reply of read.records) expect(String(reply['parent_comment_id'])).toBe(subject)
      replies.push(...read.records)
    }
    answered += opens.length
    const all = [...records, ...replies]
    expect(all.every((one) => String(one['media_id']) === post.pk)).toBe(true)
    const there = (await sandbox.state('comments', asked.externalId)).filter(
      (one) => one.media_pk === post.pk || one.of_pk === post.pk,
    )
    expect(sorted(pks(all))).toEqual(sorted(there.map(({ pk }) => pk)))
  }
  expect(answered).toBeGreaterThan(0)
})

test('no replies where nobody asked for them', async () => {
  const { route, sandbox } = await world()
  const [post] = await owners(sandbox, 'rawComments')
  const seed = route.comments.seed({ externalId: post ?? '', shortcode: '' })
  expect((await readPart(route.comments, seed)).opens).toEqual([])
})

test('likers, stories, highlights and their items', async () => {
  const { route, sandbox, asked } = await world()
  const [post] = await sandbox.state('posts', asked.externalId)
  const likers = await readPart(
    route.likers,
    route.likers.seed({ externalId: post?.pk ?? '', shortcode: '' }),
  )
  expect(likers.requests).toBe(1)
  expect(likers.records).toHaveLength(5)
  expect(likers.records[0]).toMatchObject({ media_id: post?.pk, user: { id: expect.any(String) } })

  const stories = await readPart(route.stories, route.stories.seed(asked))
  const there = await sandbox.state('stories', asked.externalId)
  expect(sorted(pks(stories.records))).toEqual(sorted(there.map(({ pk }) => pk)))
  expect(stories.records.every((story) => typeof story['expiring_at'] === 'number')).toBe(true)

  const highlights = await readPart(route.highlights, route.highlights.seed(asked))
  expect(highlights.opens).toHaveLength(highlights.records.length)
  const state = await sandbox.state('highlights', asked.externalId)
  for (const { pk, item_pks } of state) {
    const opened = highlights.opens.find(({ subject }) => subject === pk)
    const items = await readPart(route.highlightItems, { cursor: opened?.cursor })
    expect(pks(items.records)).toEqual(item_pks)
    expect(items.records.map((item) => item['highlight'])).toEqual(
      item_pks.map((_, position) => ({ id: pk, position })),
    )
  }
})

test('nobody’s lists are empty, not failed: no posts, no reels, no stories, no highlights', async () => {
  const none = { postsPerProfile: 0, stories: 0, highlights: 0, followers: 0 }
  const sandbox = await withInstagram({ ...lively, ...none })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.sandbox.baseUrls.instagram })
  const profile = (await sandbox.state('profiles')).find((row) => row.status === 'public')
  const asked = { externalId: profile?.pk ?? '', username: profile?.username ?? '' }
  for (const read of [
    await readPart(route.posts, route.posts.seed(asked)),
    await readPart(route.reels, route.reels.seed(asked)),
    await readPart(route.stories, route.stories.seed(asked)),
    await readPart(route.highlights, route.highlights.seed(asked)),
    await readPart(route.followers, route.followers.seed(asked)),
  ]) {
    expect([read.records, read.requests]).toEqual([[], 1])
  }
})

test('posts by their ids: those that are gone are told as absent', async () => {
  const { route, sandbox, asked } = await world()
  const posts = (await sandbox.state('posts', asked.externalId)).slice(0, 3)
  const ids = posts.map(({ pk }) => pk)
  const [gone = ''] = ids
  await sandbox.fault({ kind: 'goneMedia', match: gone })
  const seeds = route.postsById.seeds(
    asked,
    ids.map((externalId) => ({ externalId, shortcode: '' })),
  )
  expect(seeds).toHaveLength(1)
  const read = await readPart(route.postsById, { cursor: seeds[0]?.cursor })
  expect(read.absent).toEqual([gone])
  expect(pks(read.records)).toEqual(ids.slice(1))
  const many = Array.from({ length: 250 }, (_, n) => ({ externalId: String(n), shortcode: '' }))
  expect(route.postsById.seeds(asked, many).map(({ subject }) => subject)).toEqual([
    asked.externalId,
    `${asked.externalId} (2)`,
    `${asked.externalId} (3)`,
  ])
})

test('a post that the official API met first is asked for by what its shortcode says', async () => {
  const { route, sandbox, asked } = await world()
  const posts = (await sandbox.state('posts', asked.externalId)).filter(
    (row) => row.comment_count > 0 && !row.comments_disabled,
  )
  const [post] = posts
  const stored = { externalId: 'graph-1', graphId: 'graph-1', shortcode: post?.code ?? '' }
  const { records } = await readPart(route.comments, route.comments.seed(stored))
  expect(records[0]).toMatchObject({ media_id: post?.pk })
  expect(route.likers.seed(stored)).toEqual({ subject: 'graph-1', cursor: { mediaId: post?.pk } })
  const [seed] = route.postsById.seeds(asked, [stored])
  expect(pks((await readPart(route.postsById, { cursor: seed?.cursor })).records)).toEqual([
    post?.pk,
  ])
  await sandbox.fault({ kind: 'goneMedia' })
  expect((await readPart(route.postsById, { cursor: seed?.cursor })).absent).toEqual(['graph-1'])
})

test('ids are text, whichever way the server tells them', async () => {
  for (const ids of ['number', 'string', 'mixed'] as const) {
    const { route, sandbox, asked } = await world({ ids })
    const { records } = await readPart(route.posts, route.posts.seed(asked))
    const there = await sandbox.state('posts', asked.externalId)
    expect(sorted(pks(records))).toEqual(
      sorted(there.filter((post) => post.in_feed).map(({ pk }) => pk)),
    )
  }
})
