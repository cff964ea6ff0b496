import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import {
  comments,
  follows,
  highlights,
  likes,
  posts,
} from '../../src/etl/extract/instagram/entities.ts'
import * as gone from '../../src/etl/load/instagram/mark-gone.ts'
import { shortcodeOf } from '../../src/etl/transform/instagram/shortcode.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { graphMedia, load, media, physically, signed } from './records.ts'

const pk = '3700000000000000001'
const person = (id: number | string) => ({ pk: id, username: `user${id}`, full_name: `User ${id}` })
const comment = (more: object = {}): object => ({
  pk: '17900000000000001',
  text: 'Bravo @anna',
  user: person('18446744073709551617'),
  user_id: '18446744073709551617',
  created_at: 1_767_600_000,
  created_at_utc: 1_767_600_000,
  comment_like_count: 4,
  child_comment_count: 2,
  media_id: pk,
  is_pinned: true,
  ...more,
})

test('comments are inserted, stay untouched, keep what is not told, and come back', async () => {
  const database = await createDatabase()
  const { db } = database
  const first = await load(database, comments, [
    comment(),
    comment({ pk: 17_900_000_000_002, parent_comment_id: '17900000000000001', text: '' }),
  ])
  const rows = () => db.selectFrom('comments').selectAll().orderBy('external_id', 'desc').execute()
  expect(await rows()).toMatchObject([
    {
      external_id: '17900000000002',
      parent_external_id: '17900000000000001',
      text: '',
    },
    {
      external_id: '17900000000000001',
      post_external_id: pk,
      parent_external_id: null,
      author_external_id: '18446744073709551617',
      mentions: ['anna'],
      created_at: new Date('2026-01-05T08:00:00Z'),
      like_count: 4,
      reply_count: 2,
      is_pinned: true,
      service_call_id: first,
    },
  ])
  const before = await physically(database, 'comments')
  // v1 tells less of it.
  const v1 = { created_at: undefined, created_at_utc: '2026-01-05T08:00:00Z', is_pinned: undefined }
  await load(database, comments, [comment({ ...v1, child_comment_count: undefined })])
  expect(await physically(database, 'comments')).toEqual(before)

  await db.updateTable('comments').set({ gone_at: new Date() }).execute()
  const third = await load(database, comments, [comment({ comment_like_count: 5 })])
  const [reply, changed] = await rows()
  expect(changed).toMatchObject({ like_count: 5, gone_at: null, service_call_id: third })
  expect(reply?.gone_at).not.toBeNull()
})

test.each([
  ['the crawler', [media()], pk],
  ['the official API', [graphMedia({ shortcode: shortcodeOf(pk) })], '18000000000000001'],
  ['nobody', [], pk],
])('comments and likes are of the post that %s told first', async (_, told, key) => {
  const database = await createDatabase()
  const shortcode = told[0] === undefined ? undefined : Object(told[0]).shortcode
  await load(database, posts, told)
  await load(database, comments, [comment()])
  await load(database, likes, [{ media_id: pk, user: person(5) }])
  if (shortcode !== undefined)
    await load(database, comments, [
      {
        id: '17900000000000009',
        text: 'Via Graph',
        timestamp: '2026-01-05T08:00:00+0000',
        from: { id: '17840000000000009', username: 'anna' },
        hidden: false,
        media: { id: '18000000000000001', shortcode },
      },
    ])
  const posted = await database.db.selectFrom('comments').select('post_external_id').execute()
  const liked = await database.db.selectFrom('likes').select('post_external_id').execute()
  expect(new Set([...posted, ...liked].map((row) => row.post_external_id))).toEqual(new Set([key]))
})

test('comments of many posts in one load each find theirs', async () => {
  const database = await createDatabase()
  const pks = Array.from({ length: 40 }, (_, n) => String(3_700_000_000_000 + n))
  await load(
    database,
    comments,
    pks.flatMap((post, n) =>
      Array.from({ length: 15 }, (__, m) => comment({ pk: `179${n}00${m}`, media_id: post })),
    ),
  )
  const counts = await database.db
    .selectFrom('comments')
    .select(['post_external_id', sql<number>`count(*)`.as('comments')])
    .groupBy('post_external_id')
    .execute()
  expect(counts).toHaveLength(40)
  expect(counts.every((row) => row.comments === 15)).toBe(true)
})

/** A full list of what `ledger.records_met` kept. */
async function met({ db }: TestDatabase, entity: string, ids: readonly string[]) {
  const list = { jobCallId: randomUUID(), entity }
  const rows = ids.map((external_id) => ({ job_call_id: list.jobCallId, entity, external_id }))
  await db.insertInto('ledger.records_met').values(rows).execute()
  return list
}

const like = (user: number, media_id = pk) => ({ media_id, user: person(user) })
const follow = (follower: number, followee: number, profile_pk: number | string) => ({
  profile_pk,
  follower: person(follower),
  followee: person(followee),
})
const highlight = (n: number, user = '1') => ({
  pk: `1790${n}`,
  id: `highlight:1790${n}`,
  title: 'Best',
  created_at: '2026-01-05T08:00:00Z',
  media_count: 3,
  is_pinned_highlight: false,
  cover_media: { cropped_image_version: { url: signed('c.jpg') } },
  user: { pk: user },
})

test('likes, follows, comments and highlights that a whole list no longer shows are gone, others are not', async () => {
  const database = await createDatabase()
  const { db } = database
  const call = randomUUID()
  const load1 = async () => {
    await load(database, likes, [like(1), like(2), like(3), like(2, '99')])
    await load(database, follows, [follow(2, 1, 1), follow(3, 1, '1'), follow(1, 2, 1)])
    await load(database, highlights, [highlight(1), highlight(2), highlight(3, '2')])
    await load(database, comments, [comment(), comment({ pk: '4' })])
  }
  await load1()
  const tables = ['likes', 'follows', 'highlights', 'comments']
  const all = () => Promise.all(tables.map((table) => physically(database, table)))
  const before = await all()
  await load1()
  expect(await all()).toEqual(before)

  const list = await met(database, 'followers', ['1/followers/2'])
  const kept = await met(database, 'comments', ['4'])
  await db.transaction().execute(async (trx) => {
    const ids = [like(1), like(3)].map((one) => likes.idOf(one) ?? '')
    await gone.markLikesGone(trx, { id: pk }, ids, call)
    await gone.markFollowsGone(trx, '1', 'followers', list, call)
    await gone.markHighlightsGone(trx, '1', ['17901'], call)
    await gone.markCommentsGone(trx, { id: pk }, kept, call)
  })
  const goneOf = async () =>
    (await all()).map((rows) =>
      rows.map((one) => Object(one).row).filter((row) => row.gone_at !== null),
    )
  expect(await goneOf()).toMatchObject([
    [{ post_external_id: pk, user_external_id: '2', service_call_id: call }],
    [{ follower_external_id: '3', followee_external_id: '1' }],
    [{ external_id: '17902' }],
    [{ external_id: '17900000000000001' }],
  ])
  await load1()
  expect(await goneOf()).toEqual([[], [], [], []])
})

test('a pair of profiles that are both read is one follow, and neither list undoes the other', async () => {
  const database = await createDatabase()
  const ofFirst = { profile_pk: '1', follower: { pk: '1' }, followee: person('2') }
  const ofSecond = { profile_pk: '2', follower: person('1'), followee: { pk: '2' } }
  expect([ofFirst, ofSecond].map((one) => follows.idOf(one))).toEqual([
    '1/following/2',
    '2/followers/1',
  ])
  await load(database, follows, [ofFirst])
  await load(database, follows, [ofSecond])
  const before = await physically(database, 'follows')
  expect(before.map((one) => Object(one).row)).toMatchObject([
    { follower_username: 'user1', followee_username: 'user2' },
  ])
  await load(database, follows, [ofFirst])
  await load(database, follows, [ofFirst, ofSecond])
  expect(await physically(database, 'follows')).toEqual(before)
})
