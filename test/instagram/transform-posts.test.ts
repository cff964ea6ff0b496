import {
  assert,
  bigInt,
  boolean,
  constantFrom,
  date,
  dictionary,
  jsonValue,
  property,
  string,
} from 'fast-check'
import { expect, test } from 'vitest'
import * as entities from '../../src/etl/extract/instagram/entities.ts'
import type { PostRow } from '../../src/etl/transform/instagram/post-row.ts'
import { toComment } from '../../src/etl/transform/instagram/comment.ts'
import { toPost } from '../../src/etl/transform/instagram/post.ts'
import { toProfile } from '../../src/etl/transform/instagram/profile.ts'
import { graphMedia, media, signed } from './records.ts'

function postOf(payload: unknown): PostRow {
  const transformed = toPost(payload)
  if ('reject' in transformed) throw new Error(transformed.reject)
  return transformed.row
}

/** The same post in the app's own form (upstreams/instagram.md, B2). */
const raw = (more: object = {}): object => ({
  pk: '3700000000000000001',
  id: '3700000000000000001_9001',
  code: 'DEMO001',
  taken_at: 1_767_600_000,
  media_type: 1,
  product_type: 'feed',
  user: { pk: 9001, username: 'demo.bakery' },
  caption: { pk: '17', text: 'New loaf with @anna #bread' },
  like_count: '41',
  comment_count: 3,
  usertags: { in: [{ user: { pk: 5, username: 'anna' }, position: [0, 0] }] },
  image_versions2: {
    candidates: [
      { url: 'https://a.cdn.test/small.jpg', width: 320, height: 400 },
      { url: 'https://a.cdn.test/a.jpg', width: 1080, height: 1350 },
    ],
  },
  ...more,
})

test('all forms of a post become one shape', () => {
  const common = {
    shortcode: 'DEMO001',
    kind: 'post',
    product_type: 'feed',
    media_type: 'photo',
    taken_at: '2026-01-05T08:00:00.000Z',
    caption: 'New loaf with @anna #bread',
    mentions: ['anna'],
    hashtags: ['bread'],
    comment_count: 3,
    profile_username: 'demo.bakery',
  }
  const own = { external_id: '3700000000000000001', profile_external_id: '9001', like_count: 41 }
  expect(postOf(media())).toMatchObject({ ...common, ...own })
  expect(postOf(raw())).toMatchObject({
    ...common,
    ...own,
    tagged: [{ external_id: '5', username: 'anna' }],
    media: [{ url: 'https://a.cdn.test/a.jpg', width: 1080, height: 1350 }],
  })
  expect(postOf(graphMedia())).toMatchObject({
    ...common,
    external_id: '18000000000000001',
    graph_id: '18000000000000001',
    profile_external_id: '17840000000000077',
    like_count: undefined,
  })
})

const child = (pk: string, more: object) => ({ pk, id: `${pk}_9001`, ...more })

test('each medium of an album is told, in any form', () => {
  const films = { video_versions: [{ url: 'https://a.cdn.test/b.mp4', width: 720, height: 1280 }] }
  const carousel = raw({
    media_type: 8,
    carousel_media: [
      child('1', { media_type: 1, image_versions2: { candidates: [{ url: signed('a.jpg') }] } }),
      child('2', { media_type: 2, ...films }),
      child('3', { media_type: 9 }),
    ],
  })
  const types = (payload: unknown) => postOf(payload).media?.map((one) => one.media_type)
  expect(types(carousel)).toEqual(['photo', 'video', 'photo'])
  const children = {
    data: [
      { id: '1', media_type: 'VIDEO', media_url: signed('a.mp4'), thumbnail_url: signed('a.jpg') },
      { id: '2', media_type: 'IMAGE', media_url: signed('b.jpg') },
    ],
  }
  const ofGraph = graphMedia({ media_type: 'CAROUSEL_ALBUM', children })
  expect(types(ofGraph)).toEqual(['video', 'photo'])
  expect(postOf(ofGraph).media?.[0]?.url).toContain('a.mp4')
  expect(types(graphMedia({ media_type: 'CAROUSEL_ALBUM' }))).toBeUndefined()
})

test('a story ends after a day or when it says, and its stickers count as mentions and hashtags', () => {
  const sticker = { user: { pk: 5, username: 'Anna' } }
  const v1 = media({
    product_type: 'story',
    caption_text: undefined,
    mentions: [sticker],
    hashtags: [{ hashtag: { name: 'Хлеб' } }],
  })
  expect(postOf(v1)).toMatchObject({
    kind: 'story',
    expires_at: '2026-01-06T08:00:00.000Z',
    caption: undefined,
    mentions: ['anna'],
    hashtags: ['хлеб'],
  })
  const v2 = raw({ product_type: 'story', caption: null, expiring_at: 1_767_600_060 })
  expect(postOf(v2)).toMatchObject({
    expires_at: '2026-01-05T08:01:00.000Z',
    caption: null,
    mentions: undefined,
  })
})

test.each([
  [{ pk: undefined, id: undefined }, /it has no id/],
  [{ pk: 'x' }, /^pk: must be a whole number/],
  [{ pk: 2 ** 53 }, /^pk: /],
  [{ taken_at: 'yesterday', taken_at_ts: null }, /does not tell when/],
  [{ media_type: 3 }, /^media_type: is none that we know/],
  [{ media_type: undefined }, /^media_type: /],
  [{ user: undefined }, /it names no owner/],
  [{ like_count: 'many' }, /^like_count: must be a whole number/],
  [{ comment_count: 1.5 }, /^comment_count: must be a whole number/],
  [{ caption_text: 5 }, /^caption_text: /],
])('refused is %j, with the reason', (more, reason) => {
  expect(toPost(media(more))).toMatchObject({ reject: expect.stringMatching(reason) })
})

test('ids of any size and kind are text, every digit of them; times of any form are one', () => {
  const big = bigInt({ min: 1n, max: 2n ** 70n })
  const moments = date({ min: new Date(0), max: new Date('2999-01-01'), noInvalidDate: true })
  const forms = constantFrom('seconds', 'text', 'iso', 'graph')
  assert(
    property(big, boolean(), moments, forms, (pk, asNumber, at, form) => {
      const seconds = Math.floor(at.getTime() / 1000)
      const iso = new Date(seconds * 1000).toISOString()
      const time = {
        seconds,
        text: String(seconds),
        iso: iso.replace('.000Z', 'Z'),
        graph: iso.replace('.000Z', '+0000'),
      }[form]
      const told = asNumber && pk <= Number.MAX_SAFE_INTEGER ? Number(pk) : String(pk)
      const payload = media({ pk: told, taken_at: time, taken_at_ts: undefined })
      expect(postOf(payload)).toMatchObject({ external_id: String(pk), taken_at: iso })
      expect(entities.posts.idOf(payload)).toBe(String(pk))
      const note = { pk: told, media_id: `${pk}_9001`, created_at_utc: time, text: 'x' }
      expect(toComment(note)).toMatchObject({
        row: { external_id: String(pk), post_id: String(pk), created_at: iso },
      })
    }),
  )
})

test('whatever else a record holds, each transform answers with a row or a reason', () => {
  const keys = constantFrom(
    ...Object.keys({ ...media(), ...graphMedia(), ...raw() }),
    ...'caption user carousel_media children location username created_at text'.split(' '),
    ...'media_id follower highlight insights profile_id biography'.split(' '),
  )
  const records = dictionary(keys, jsonValue())
  const all = Object.values(entities)
  assert(
    property(records, boolean(), string(), (more, isGraph, caption) => {
      const base = isGraph ? graphMedia({ caption }) : media({ caption_text: caption })
      for (const payload of [more, { ...base, ...more }, caption, null, [more]]) {
        for (const entity of all) {
          expect(entity.idOf(payload) ?? 'none').toMatch(/^[\w/]+$/)
          const transformed = entity.transform(payload)
          const told = 'reject' in transformed ? transformed.reject : Object.keys(transformed.row)
          expect(told).not.toHaveLength(0)
        }
      }
      expect(postOf(base)).toMatchObject({ caption: caption.trim() || null })
    }),
  )
})

test('a profile is told in words of either route', () => {
  const graph = { id: '178400', ig_id: 9001, username: 'Demo.Bakery', followers_count: 5 }
  expect(toProfile(graph)).toMatchObject({
    row: { external_id: '9001', graph_id: '178400', username: 'demo.bakery', follower_count: 5 },
  })
  const v2 = { pk: '9001', username: 'demo', hd_profile_pic_url_info: { url: 'https://a.cdn/x' } }
  expect(toProfile(v2)).toMatchObject({
    row: { pk: '9001', graph_id: undefined, picture_url: 'https://a.cdn/x', bio: undefined },
  })
  expect(toProfile({ pk: '9001' })).toMatchObject({ reject: expect.stringMatching(/^username/) })
  expect(toProfile({ username: 'demo' })).toMatchObject({ reject: 'it has no id' })
})
