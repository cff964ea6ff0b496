import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { type ListName, lists, owners, pageAll, slice } from './instagram-paging.ts'
import { type Instagram, type StateRow, withInstagram } from './with-instagram.ts'

const names = Object.keys(lists) as ListName[]

const pks = (rows: readonly StateRow[]): string[] => rows.map(({ pk }) => pk)

/** What the state says a list of that owner holds. */
async function expected(client: Instagram, list: ListName, owner: string): Promise<string[]> {
  if (list === 'comments' || list === 'rawComments') {
    const rows = await client.state('comments')
    return pks(rows.filter((row) => row.media_pk === owner && row.parent_pk === null))
  }
  if (list === 'tray') return pks(await client.state('highlights', owner))
  if (list === 'feed' || list === 'clips' || list === 'rawClips') {
    const posts = await client.state('posts', owner)
    return pks(posts.filter((row) => (list === 'feed' ? row.in_feed : row.in_clips)))
  }
  const kind = list.toLowerCase().endsWith('following') ? 'following' : 'followers'
  return (await client.state(kind, owner)).map((row) => row.user_pk)
}

const uneven = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.record({ zero: fc.constant(0.3), min: fc.constant(1), max: fc.integer({ min: 1, max: 90 }) }),
)
const worlds = fc.record({
  seed: fc.integer(),
  postsPerProfile: uneven,
  commentsPerPost: uneven,
  followers: uneven,
  following: uneven,
  highlights: uneven,
  reels: fc.constantFrom(0, 0.3, 1),
  clipsOnly: fc.constantFrom(0, 0.1, 1),
  peoplePerPage: fc.integer({ min: 1, max: 50 }),
})

test('paging any list to its end gives the rows of the state, each once', async () => {
  await fc.assert(
    fc.asyncProperty(worlds, fc.constantFrom(...names), fc.nat(), async (world, list, nth) => {
      const client = await withInstagram({ ...world, profiles: 6 })
      const all = await owners(client, list)
      const owner = all[nth % Math.max(1, all.length)]
      if (owner === undefined) return
      const { pks: got } = await pageAll(() => client, list, owner)
      const rows = await expected(client, list, owner)
      expect(new Set(got).size).toBe(got.length)
      expect(got.toSorted()).toEqual(rows.toSorted())
    }),
    { numRuns: 60 },
  )
})

test('a cursor outlives a restart', async () => {
  const options = {
    postsPerProfile: 40,
    reels: 0.9,
    followers: 200,
    following: 90,
    commentsPerPost: 50,
    highlights: 45,
  }
  const first = await withInstagram(options)
  for (const list of names) {
    const [owner = ''] = await owners(first, list)
    let client = first
    const { pks: got, pages } = await pageAll(
      () => client,
      list,
      owner,
      async (page) => {
        if (page === 1) client = await withInstagram(options)
      },
    )
    expect(pages).toBeGreaterThan(1)
    expect(got).toEqual((await pageAll(() => first, list, owner)).pks)
  }
})

const events = fc.array(
  fc.constantFrom('newPost', 'newReel', 'deletePost', 'newComment', 'deleteComment', 'newFollower'),
  { maxLength: 12 },
)

test('what comes or goes while a list is read shifts nothing that stays', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom<ListName>('feed', 'clips', 'rawComments', 'followers'),
      fc.integer(),
      events,
      async (list, seed, what) => {
        const options = { seed, profiles: 3, privatePercent: 0, gonePercent: 0 }
        const client = await withInstagram({
          ...options,
          postsPerProfile: 50,
          commentsPerPost: 60,
          followers: 120,
        })
        const [owner = ''] = await owners(client, list)
        const before = await expected(client, list, owner)
        const ofComment = list === 'rawComments' ? { media: owner } : { profile: owner }
        const left = [...what]
        const { pks: got } = await pageAll(
          () => client,
          list,
          owner,
          async () => {
            const op = left.shift()
            if (op === undefined) return
            if (op === 'newReel')
              await client.change({ op: 'newPost', what: 'reel', profile: owner })
            else if (op.endsWith('Comment')) await client.change({ op, ...ofComment })
            else if (list !== 'rawComments') await client.change({ op, profile: owner })
          },
        )
        const after = new Set(await expected(client, list, owner))
        expect(new Set(got).size).toBe(got.length)
        // All that stood there from first to last was handed out.
        expect(got).toEqual(expect.arrayContaining(before.filter((pk) => after.has(pk))))
      },
    ),
    { numRuns: 25 },
  )
})

test('new ones come before, on the next reading from the top', async () => {
  const client = await withInstagram({ postsPerProfile: 30, commentsPerPost: 20 })
  const [profile = ''] = await owners(client, 'feed')
  const [reel, clip, post] = await client.change(
    { op: 'newPost', what: 'reel', profile },
    { op: 'newPost', what: 'clip', profile },
    { op: 'newPost', profile, caption: 'Свежее #новое' },
  )
  const pinned = (await client.state('posts', profile)).filter((row) => row.is_pinned).length
  const feed = await slice(client, 'feed', profile, null)
  expect(feed?.pks.slice(pinned, pinned + 2)).toEqual([post?.pk, reel?.pk])
  const clips = await slice(client, 'clips', profile, null)
  expect(clips?.pks.slice(0, 2)).toEqual([clip?.pk, reel?.pk])
  const [comment] = await client.change({ op: 'newComment', media: post?.pk, text: 'первый' })
  expect((await slice(client, 'comments', post?.pk ?? '', null))?.pks).toEqual([comment?.pk])
})
