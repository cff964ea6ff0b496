import { expect, test } from 'vitest'
import { toComment } from '../../src/etl/transform/instagram/comment.ts'
import { toPost } from '../../src/etl/transform/instagram/post.ts'
import { accounts, options } from '../sandbox/with-graph.ts'
import { type StateRow, withInstagram } from '../sandbox/with-instagram.ts'
import { openTestRoute, readPart } from './support/read-part.ts'

const asked = ({ pk, username }: StateRow) => ({ externalId: pk, username })
const postOf = (row: StateRow) => ({
  externalId: row.pk,
  shortcode: row.code,
  graphId: row.graph_id,
  username: row.username,
})

async function world(more: object = {}) {
  const client = await withInstagram({ ...options, ...more })
  const { route } = await openTestRoute({
    INSTAGRAM_ROUTE: 'graph',
    INSTAGRAM_BASE_URL: client.sandbox.baseUrls.graph,
    INSTAGRAM_ACCESS_KEY: 'sandbox-graph-token',
  })
  const { own, other } = await accounts(client)
  return { client, route, own, other }
}

const official = (rows: StateRow[]) => rows.filter((row) => !row.is_trial)

test('profiles: one’s own by itself, another professional one by discovery', async () => {
  const { route, own, other } = await world()
  for (const profile of [own, other]) {
    const { records } = await readPart(route.profile, route.profile.seed(profile))
    expect(records).toMatchObject([
      { id: profile.graph_id, username: profile.username, media_count: profile.media_count },
    ])
    expect(Object.keys(records[0] ?? {})).not.toContain('business_discovery')
  }
})

test('the token’s accounts are asked for once', async () => {
  const { route, own } = await world()
  const first = await readPart(route.profile, route.profile.seed(own))
  expect(first.requests).toBe(4)
  expect((await readPart(route.profile, route.profile.seed(own))).requests).toBe(1)
  expect((await readPart(route.stories, route.stories.seed(asked(own)))).requests).toBe(1)
})

test('posts to the end, by either way: the crawler’s rows, matched by shortcode, with their owner', async () => {
  const { client, route, own, other } = await world({ postsPerProfile: 130 })
  for (const profile of [own, other]) {
    const { records, pages } = await readPart(route.posts, route.posts.seed(asked(profile)))
    const rows = official(await client.state('posts', profile.pk))
    expect(records.map(({ shortcode }) => shortcode)).toEqual(rows.map(({ code }) => code))
    expect(pages).toHaveLength(3)
    for (const record of records) {
      expect(record).toMatchObject({
        username: profile.username,
        owner: { id: profile.graph_id },
        permalink: expect.stringContaining(String(record['shortcode'])),
      })
      expect(toPost(record)).toMatchObject({ row: { graph_id: record['id'] } })
    }
    const since = new Date((rows[60]?.taken_at ?? 0) * 1000).toISOString()
    const some = await readPart(route.posts, route.posts.seed({ ...asked(profile), since }))
    expect(some.pages).toHaveLength(2)
    expect(some.pages.every(({ endsUnless }) => endsUnless === undefined)).toBe(true)
  }
})

test('comments with their replies, each naming its post by shortcode', async () => {
  const { client, route, own } = await world({
    commentsPerPost: { min: 40, max: 130 },
    postsPerProfile: 12,
  })
  const comments = await client.state('comments', own.pk)
  const rows = official(await client.state('posts', own.pk)).filter((row) => !row.comments_disabled)
  let pages = 0
  for (const row of rows) {
    const seed = route.comments.seed({ ...postOf(row), replies: true })
    const { records, opens, ...read } = await readPart(route.comments, seed)
    pages += read.pages.length
    for (const { cursor } of opens) {
      records.push(...(await readPart(route.replies, { cursor })).records)
    }
    const there = comments.filter((one) => one.media_pk === row.pk)
    expect([...new Set(records.map(({ id }) => String(id)))].toSorted()).toEqual(
      there.map(({ pk }) => pk).toSorted(),
    )
    for (const record of records) {
      const told = toComment(record)
      const parent = there.find(({ pk }) => pk === record['id'])?.parent_pk ?? undefined
      expect(told).toMatchObject({ row: { post_shortcode: row.code } })
      expect('row' in told && told.row.parent_external_id).toBe(parent)
      expect(record).not.toHaveProperty('replies')
    }
  }
  expect(pages).toBeGreaterThan(rows.length)
  const [first] = rows
  const alone = await readPart(
    route.comments,
    route.comments.seed({ ...postOf(first as StateRow), known: true }),
  )
  expect(alone.records.every((record) => record['parent_id'] === undefined)).toBe(true)
  expect(alone.pages.every(({ endsUnless }) => endsUnless === 'new')).toBe(true)
})

test('where comments go no further than 50, that is said and what came is kept', async () => {
  const { client, route, own } = await world({ postsPerProfile: 30 })
  await client.settings({ commentsPaging: false })
  const rows = official(await client.state('posts', own.pk))
  const many = rows.find((row) => row.top_level_comments > 50)
  const few = rows.find((row) => row.top_level_comments > 0 && row.top_level_comments < 50)
  const seed = (row?: StateRow) => route.comments.seed(postOf(row as StateRow))
  expect((await readPart(route.comments, seed(many), 1)).records).toHaveLength(50)
  await expect(readPart(route.comments, seed(many))).rejects.toMatchObject({
    name: 'Skipped',
    message: 'the official API gave the newest 50 comments and no way on',
  })
  expect((await readPart(route.comments, seed(few))).records).toHaveLength(
    few?.top_level_comments ?? 0,
  )
})

test('stories, single posts and insights of one’s own', async () => {
  const { client, route, own } = await world({ stories: 40, followers: 500 })
  const stories = await readPart(route.stories, route.stories.seed(asked(own)))
  const there = await client.state('stories', own.pk)
  expect(stories.records).toHaveLength(there.length)
  expect(stories.records[0]).toMatchObject({ media_product_type: 'STORY', username: own.username })
  for (const record of stories.records) {
    expect(toPost(record)).toMatchObject({ row: { kind: 'story' } })
  }

  const rows = official(await client.state('posts', own.pk))
  const gone = { externalId: '77', shortcode: null, graphId: '1799999999999999999' }
  const known = { externalId: rows[0]?.pk ?? '', shortcode: null, graphId: rows[0]?.graph_id }
  const unknown = { externalId: '78', shortcode: null, graphId: null }
  const [seed] = route.postsById.seeds(asked(own), [gone, known, unknown])
  const single = await readPart(route.postsById, { cursor: seed?.cursor })
  expect(single.absent).toEqual(['77'])
  expect(single.records).toMatchObject([{ id: rows[0]?.graph_id, username: own.username }])

  const seen = { some: 0, none: 0, few: 0 }
  for (const row of rows) {
    const kind = row.product_type === 'clips' ? 'reel' : 'post'
    const asking = route.postInsights.seed({ ...postOf(row), kind })
    const { records } = await readPart(route.postInsights, asking)
    if (records.length === 0) seen.none++
    else seen.some++
    for (const record of records) {
      expect(record).toMatchObject({ media: { id: row.graph_id, shortcode: row.code } })
      expect(record['insights']).toHaveLength(11)
    }
  }
  for (const { id } of stories.records) {
    const post = { externalId: String(id), shortcode: null, graphId: String(id), kind: 'story' }
    const read = readPart(route.postInsights, route.postInsights.seed(post))
    const refused = await read.then(() => '', String)
    if (refused.includes('Skipped: not permitted: ') && refused.includes('viewers')) seen.few++
  }
  expect(Math.min(seen.some, seen.none, seen.few)).toBeGreaterThan(0)

  const { records, requests } = await readPart(
    route.profileInsights,
    route.profileInsights.seed(asked(own)),
  )
  expect(records).toHaveLength(1)
  expect(records[0]).toMatchObject({ profile_id: own.graph_id })
  const metrics = records[0]?.['insights'] as { name: string }[] | undefined
  expect(metrics?.map(({ name }) => name)).toEqual([
    'reach',
    'follower_count',
    'views',
    'accounts_engaged',
    'total_interactions',
    'online_followers',
    'follower_demographics',
  ])
  expect(requests).toBe(4)
})

test('what the official API does not give is skipped, without a request', async () => {
  const { client, route, own, other } = await world()
  const [row] = official(await client.state('posts', other.pk))
  const post = postOf(row as StateRow)
  await readPart(route.profile, route.profile.seed(own))
  const streams = [
    [route.reels, route.reels.seed(asked(other))],
    [route.likers, route.likers.seed(post)],
    [route.followers, route.followers.seed(asked(own))],
    [route.following, route.following.seed(asked(own))],
    [route.highlights, route.highlights.seed(asked(own))],
    [route.stories, route.stories.seed(asked(other))],
    [route.comments, route.comments.seed(post)],
    [route.comments, route.comments.seed({ ...post, username: undefined, graphId: null })],
    [route.postInsights, route.postInsights.seed({ ...post, kind: 'post' })],
    [route.profileInsights, route.profileInsights.seed(asked(other))],
    [route.postsById, { cursor: route.postsById.seeds(asked(other), [post])[0]?.cursor }],
  ] as const
  await client.settings({ graphTokens: [] })
  for (const [{ operation }, { cursor }] of streams) {
    await expect(
      readPart({ operation: operation as typeof route.posts.operation }, { cursor }),
    ).rejects.toMatchObject({ name: 'Skipped', message: expect.stringContaining('official API') })
  }
})

test('personal, private and missing profiles are not found, with a hint', async () => {
  const { client, route } = await world({ profiles: 60 })
  const profiles = await client.state('profiles')
  const personal = profiles.find((row) => row.account_type === 1 && row.status === 'public')
  const gone = profiles.find((row) => row.status === 'gone')
  for (const username of [personal?.username ?? '', gone?.username ?? '', 'nobody', 'a){id']) {
    await expect(readPart(route.profile, route.profile.seed({ username }))).rejects.toMatchObject({
      kind: 'not_found',
      message: `no professional account named ${username}`,
      hint: expect.stringContaining('personal'),
    })
  }
})
