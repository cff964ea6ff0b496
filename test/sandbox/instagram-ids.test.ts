import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { commentBase, commentPk, placeOfComment } from '../../sandbox/instagram/comment-ids.ts'
import * as ids from '../../sandbox/instagram/ids.ts'
import { withInstagram } from './with-instagram.ts'

const seed = fc.integer()
const user = fc.nat({ max: 999_999 })

test('every id is read back into its place, and is less than 2^63', () => {
  const slot = fc.nat({ max: 250_000 })
  fc.assert(
    fc.property(seed, user, slot, fc.constantFrom(0, 1, 2, 3), (world, who, at, variant) => {
      const pk = ids.mediaPk(world, { user: who, slot: at, variant })
      expect(ids.placeOfMediaPk(world, pk)).toEqual({ user: who, slot: at, variant })
      expect(ids.pkOfCode(ids.codeOf(pk))).toBe(pk)
      expect(BigInt(pk)).toBeLessThan(2n ** 63n)
      expect(ids.userOfPk(world, ids.userPk(world, who))).toBe(who)
      expect(ids.userOfGraphId(world, ids.graphUserId(world, who))).toBe(who)
      const highlight = ids.highlightPk(world, who, at % 99_999)
      expect(ids.placeOfHighlight(world, highlight)).toEqual({ user: who, position: at % 99_999 })
    }),
  )
  const position = fc.nat({ max: 2_000_000 })
  fc.assert(
    fc.property(user, slot, fc.nat({ max: 1 }), position, (who, at, variant, nth) => {
      const base = commentBase(who, at, variant)
      const place = { user: who, slot: at, variant, position: nth, reply: null }
      expect(placeOfComment(commentPk(base, nth))).toEqual(place)
      const first = nth - (nth % 8)
      const reply = { ...place, position: first, reply: nth % 24 }
      expect(placeOfComment(commentPk(base, first, nth % 24))).toEqual(reply)
      expect(BigInt(commentPk(base, nth))).toBeLessThan(2n ** 63n)
    }),
  )
})

test('ids beyond 2^53 come as numbers here and as strings there', async () => {
  const client = await withInstagram({ postsPerProfile: 20, commentsPerPost: 15 })
  const post = (await client.state('posts')).find((row) => !row.comments_disabled)
  const text = await (await client.get(`/v2/media/comments?id=${post?.pk}`)).text()
  expect(text).toMatch(/"pk":\d{19},/)
  expect(text).toMatch(/"pk":"\d{19}",/)
  await client.settings({ ids: 'string' })
  const strings = await (await client.get(`/v2/media/comments?id=${post?.pk}`)).text()
  expect(strings).not.toMatch(/:\d{16}/)
  await client.settings({ ids: 'number' })
  const clip = (await client.state('posts')).find((row) => row.in_clips)
  const safe = (value: string) =>
    client.get(`/v2/user/clips?user_id=${clip?.user_pk}&safe_int=${value}`).then((r) => r.text())
  expect(await safe('false')).toMatch(/"pk":\d{19},/)
  expect(await safe('true')).not.toMatch(/:\d{16}/)
})

test('the same seed makes the same world; the giant is as large as it was asked to be', async () => {
  const [one, two] = [await withInstagram({ seed: 5 }), await withInstagram({ seed: 5 })]
  const { text } = await one.admin('GET', '/instagram/state')
  expect((await two.admin('GET', '/instagram/state')).text).toBe(text)
  const other = await withInstagram({ seed: 6 })
  expect((await other.admin('GET', '/instagram/state')).text).not.toBe(text)

  const giant = { posts: 12_345, comments: 70_001 }
  const large = await withInstagram({ profiles: 1, giant, clipsOnly: 0 })
  const counts = JSON.parse((await large.admin('GET', '/instagram/counts')).text)
  expect(counts).toMatchObject({ posts: 12_345, comments: 70_001, replies: 0 })
  const found = await large.read<{ media_count: number }>(
    '/v1/user/by/username?username=giant.archive_0',
  )
  expect(found.media_count).toBe(12_345)
})
