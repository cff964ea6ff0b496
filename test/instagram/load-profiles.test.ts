import { expect, test } from 'vitest'
import {
  postInsights,
  posts,
  profileInsights,
  profiles,
} from '../../src/etl/extract/instagram/entities.ts'
import { markPostsGone, markProfileGone } from '../../src/etl/load/instagram/mark-gone.ts'
import { createDatabase } from '../support/database.ts'
import { graphMedia, load, media, physically, signed } from './records.ts'

const user = (more: object = {}): object => ({
  pk: 9001,
  username: 'demo.bakery',
  full_name: 'Пекарня',
  is_private: false,
  is_verified: true,
  is_business: true,
  biography: 'Bread by @anna #Хлеб',
  external_url: 'https://shop.example/?id=5',
  category_name: 'Bakery',
  profile_pic_url: signed('s150.jpg'),
  profile_pic_url_hd: signed('s320.jpg'),
  follower_count: 5120,
  following_count: '12',
  media_count: 214,
  ...more,
})
const graphUser = (more: object = {}): object => ({
  id: '17840000000000077',
  username: 'demo.bakery',
  name: 'Пекарня',
  followers_count: 5121,
  media_count: 214,
  ...more,
})
const today = { fetched_at: '2026-03-01T08:00:00Z' }
const tomorrow = { fetched_at: '2026-03-02T08:00:00Z' }

test('a profile is inserted, untouched while only signatures change, and updated', async () => {
  const database = await createDatabase()
  const first = await load(database, profiles, [user()])
  const row = () => database.db.selectFrom('profiles').selectAll().executeTakeFirstOrThrow()
  expect(await row()).toMatchObject({
    external_id: '9001',
    username: 'demo.bakery',
    bio: 'Bread by @anna #Хлеб',
    bio_mentions: ['anna'],
    bio_hashtags: ['хлеб'],
    category: 'Bakery',
    follower_count: 5120,
    following_count: 12,
    service_call_id: first,
  })
  const all = () =>
    Promise.all(['profiles', 'profile_metrics'].map((table) => physically(database, table)))
  const before = await all()
  await load(database, profiles, [user()])
  expect(await all()).toEqual(before)

  const second = await load(database, profiles, [user({ external_url: 'https://shop.example/' })])
  expect(await row()).toMatchObject({
    external_url: 'https://shop.example/',
    service_call_id: second,
  })
  expect((await all())[1]).toEqual(before[1])
  await load(database, profiles, [user({ biography: '', external_url: null })])
  expect(await row()).toMatchObject({ bio: null, bio_mentions: [], external_url: null })
})

test.each([
  ['the crawler', user(), graphUser(), '9001', 'https://shop.example/?id=5'],
  ['the official API', graphUser(), user(), '17840000000000077', 'https://shop.example/?id=5'],
  ['either, where it tells the id of the app', graphUser({ ig_id: '9001' }), user(), '9001', ''],
])('a profile that %s told first is the same row', async (_, one, two, key, url) => {
  const database = await createDatabase()
  await load(database, profiles, [one])
  await load(database, profiles, [two])
  // From then on by the ids.
  await load(database, profiles, [user({ username: 'renamed' })])
  await load(database, profiles, [graphUser({ username: 'renamed' })])
  const rows = await database.db.selectFrom('profiles').selectAll().execute()
  expect(rows).toMatchObject([
    { external_id: key, pk: '9001', graph_id: '17840000000000077', username: 'renamed' },
  ])
  expect(rows[0]?.external_url).toContain(url)
  // And each route's posts are its.
  await load(database, profiles, [user()])
  await load(database, posts, [media({ pk: '2', code: 'X' }), graphMedia()])
  const owners = await database.db.selectFrom('posts').select('profile_external_id').execute()
  expect(owners).toEqual([{ profile_external_id: key }, { profile_external_id: key }])
})

test('within a route another id is another profile, whatever its name', async () => {
  const database = await createDatabase()
  await load(database, profiles, [user()])
  await load(database, profiles, [user({ pk: '9002' }), user({ pk: 9001, username: 'renamed' })])
  const rows = await database.db
    .selectFrom('profiles')
    .select(['external_id', 'username'])
    .orderBy('external_id')
    .execute()
  expect(rows).toEqual([
    { external_id: '9001', username: 'renamed' },
    { external_id: '9002', username: 'demo.bakery' },
  ])
})

test('metrics have a row a day on which a figure changed', async () => {
  const database = await createDatabase()
  await load(database, profiles, [user()], today)
  await load(database, profiles, [user({ biography: 'Else' })], tomorrow)
  await load(database, profiles, [user({ follower_count: 5119 })], {
    fetched_at: '2026-03-03T08:00:00Z',
  })
  const rows = await database.db
    .selectFrom('profile_metrics')
    .select('follower_count')
    .orderBy('day')
    .execute()
  expect(rows).toEqual([{ follower_count: 5120 }, { follower_count: 5119 }])
})

const value = (name: string, ...values: number[]) => ({
  name,
  period: 'lifetime',
  values: values.map((one) => ({ value: one })),
})
const ofPost = (...insights: object[]) => ({
  media: { id: '18000000000000001', shortcode: 'DEMO001' },
  insights,
})

test('insights stand beside the figures of their day; what is not told again stays', async () => {
  const database = await createDatabase()
  await load(database, posts, [media()], today)
  await load(database, postInsights, [ofPost(value('reach', 7), value('saved', 0))], today)
  const before = await physically(database, 'post_metrics')
  expect(before.map((one) => Object(one).row)).toMatchObject([
    { like_count: 41, insights: { reach: 7, saved: 0 } },
  ])
  await load(database, postInsights, [ofPost(), ofPost(value('reach', 7))], tomorrow)
  expect(await physically(database, 'post_metrics')).toEqual(before)
  await load(database, postInsights, [ofPost(value('reach', 9))], tomorrow)
  await load(database, posts, [media({ like_count: 42 })], tomorrow)
  const rows = await database.db.selectFrom('post_metrics').selectAll().orderBy('day').execute()
  expect(rows.slice(1)).toMatchObject([{ like_count: 42, insights: { reach: 9, saved: 0 } }])

  await load(database, profiles, [user()], today)
  await load(database, profiles, [graphUser({ followers_count: 5120 })], today)
  const total = { name: 'views', period: 'day', total_value: { value: 12 } }
  const account = { profile_id: '17840000000000077', insights: [total, value('reach', 1, 2)] }
  await load(database, profileInsights, [account], today)
  const metrics = await database.db.selectFrom('profile_metrics').selectAll().execute()
  expect(metrics).toMatchObject([
    { profile_external_id: '9001', follower_count: 5120, insights: { views: 12, reach: 2 } },
  ])
})

test('what is gone is marked once, and not gone when it is met again', async () => {
  const database = await createDatabase()
  const { db } = database
  const call = await load(database, profiles, [user()])
  await load(database, posts, [media(), media({ pk: '2', code: 'X' })])
  await db.insertInto('tracked_profiles').values({ username: 'demo.bakery' }).execute()
  const name = { username: 'demo.bakery', externalId: '9001' }
  const mark = () =>
    db.transaction().execute(async (trx) => {
      await markProfileGone(trx, name, call)
      await markPostsGone(trx, ['2', 'unknown'], call)
    })
  await mark()
  const gone = async () => {
    const [tracked, known, ofPosts] = [
      await db.selectFrom('tracked_profiles').select('gone_at').execute(),
      await db.selectFrom('profiles').select('gone_at').execute(),
      await db.selectFrom('posts').select('gone_at').orderBy('external_id').execute(),
    ]
    return [tracked, known, ofPosts].map((rows) => rows.map((row) => row.gone_at !== null))
  }
  expect(await gone()).toEqual([[true], [true], [true, false]])
  const before = await physically(database, 'posts')
  await mark()
  expect(await physically(database, 'posts')).toEqual(before)
  await load(database, profiles, [user()])
  await load(database, posts, [media({ pk: '2', code: 'X' })])
  expect(await gone()).toEqual([[true], [false], [false, false]])
})
