import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { highlightItems, posts } from '../../src/etl/extract/instagram/entities.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { album, graphMedia, load, media, physically, signed } from './records.ts'

const pk = '3700000000000000001'
const other = { pk: '3700000000000000002', code: 'DEMO002' }

test('a post is inserted, stays untouched as long as nothing but signatures changes, and is updated', async () => {
  const database = await createDatabase()
  const row = () => database.db.selectFrom('posts').selectAll().executeTakeFirstOrThrow()
  const first = await load(database, posts, [media()])
  expect(await row()).toMatchObject({
    external_id: pk,
    profile_external_id: '9001',
    shortcode: 'DEMO001',
    kind: 'post',
    media_type: 'photo',
    caption: 'New loaf with @anna #bread',
    mentions: ['anna'],
    hashtags: ['bread'],
    taken_at: new Date('2026-01-05T08:00:00Z'),
    like_count: 41,
    graph_id: null,
    service_call_id: first,
  })
  const tables = ['posts', 'post_media', 'post_metrics']
  const all = () => Promise.all(tables.map((table) => physically(database, table)))
  const before = await all()
  await load(database, posts, [media()])
  expect(await all()).toEqual(before)

  const third = await load(database, posts, [media({ caption_text: '' })])
  expect(await row()).toMatchObject({ caption: null, mentions: [], service_call_id: third })
  const [, mediaRows, metrics] = await all()
  expect([mediaRows, metrics]).toEqual(before.slice(1))
})

test('kind comes from the product type, whatever else the record has', async () => {
  const database = await createDatabase()
  await load(database, posts, [
    media({ product_type: 'clips', media_type: 2 }),
    media({ ...other, product_type: 'igtv' }),
    media({ pk: '3', code: 'C', product_type: 'story' }),
    graphMedia({ id: '4', shortcode: 'D', media_product_type: 'REELS' }),
    media({ pk: '5', code: 'E', product_type: '' }),
  ])
  const kinds = await database.db
    .selectFrom('posts')
    .select(['shortcode', 'kind', 'product_type', 'expires_at'])
    .orderBy('shortcode')
    .execute()
  const day = new Date('2026-01-06T08:00:00Z')
  expect(kinds).toEqual([
    { shortcode: 'C', kind: 'story', product_type: 'story', expires_at: day },
    { shortcode: 'D', kind: 'reel', product_type: 'clips', expires_at: null },
    { shortcode: 'DEMO001', kind: 'reel', product_type: 'clips', expires_at: null },
    { shortcode: 'DEMO002', kind: 'post', product_type: 'igtv', expires_at: null },
    { shortcode: 'E', kind: 'post', product_type: null, expires_at: null },
  ])
})

test('every medium of an album is a row; when it shrinks or changes, so do its rows and no others', async () => {
  const database = await createDatabase()
  const rows = () => database.db.selectFrom('post_media').selectAll().orderBy('position').execute()
  await load(database, posts, [album(['71', '72', '73']), album(['81', '82'], other)])
  const untouched = await physically(database, 'post_media')
  await load(database, posts, [album(['71', '72', '73'])])
  expect(await physically(database, 'post_media')).toEqual(untouched)

  const second = await load(database, posts, [album(['71', '73'])])
  const left = (await rows()).filter(({ post_external_id }) => post_external_id === pk)
  expect(left.map(({ position, external_id }) => [position, external_id])).toEqual([
    [1, '71'],
    [2, '73'],
  ])
  expect(left[1]).toMatchObject({ service_call_id: second })
  expect(left[1]?.url).toContain('73.jpg?_nc_gid=')
  expect(left[0]?.service_call_id).not.toBe(second)
  expect(await rows()).toHaveLength(4)

  // An album asked for without its children does not tell that it has none.
  await load(database, posts, [album([])])
  expect(await rows()).toHaveLength(4)
})

test.each([
  ['the crawler', media(), graphMedia(), pk],
  ['the official API', graphMedia(), media(), '18000000000000001'],
])('a post that %s told first is the same row for the other route', async (_, one, two, key) => {
  const database = await createDatabase()
  await load(database, posts, [one])
  await load(database, posts, [two])
  const rows = await database.db.selectFrom('posts').selectAll().execute()
  expect(rows).toMatchObject([{ external_id: key, graph_id: '18000000000000001', like_count: 41 }])
  expect(await physically(database, 'post_media')).toHaveLength(1)
  // Neither undoes what the other told.
  const before = await physically(database, 'posts')
  await load(database, posts, [one])
  await load(database, posts, [two])
  expect(await physically(database, 'posts')).toEqual(before)
})

test('what a record does not tell stays; what it tells to be nothing goes', async () => {
  const database = await createDatabase()
  const row = () => database.db.selectFrom('posts').selectAll().executeTakeFirstOrThrow()
  const place = { pk: 212, name: 'Lesnaya', lat: 1.5, lng: 2.5 }
  await load(database, posts, [media({ location: place, title: 'Loaf', view_count: 900 })])
  await load(database, posts, [
    media({ caption_text: undefined, like_count: undefined, comment_count: null, usertags: null }),
  ])
  expect(await row()).toMatchObject({
    caption: 'New loaf with @anna #bread',
    hashtags: ['bread'],
    like_count: 41,
    comment_count: 3,
    view_count: 900,
    title: 'Loaf',
    tagged: [],
    location: { external_id: '212', name: 'Lesnaya', lat: 1.5, lng: 2.5 },
  })
  await load(database, posts, [
    media({ location: null, like_count: 2, like_and_view_counts_disabled: true, caption_text: '' }),
  ])
  expect(await row()).toMatchObject({
    caption: null,
    location: null,
    like_count: null,
    likes_hidden: true,
  })
})

test('metrics have a row a day on which a figure changed; within a day it is updated in place', async () => {
  const database = await createDatabase()
  const on = (day: string, like_count: number) =>
    load(database, posts, [media({ like_count })], { fetched_at: `2026-03-${day}T23:59:59Z` })
  await on('01', 41)
  await on('02', 41)
  await on('03', 50)
  await on('03', 51)
  await on('04', 51)
  await on('05', 41)
  const rows = await database.db
    .selectFrom('post_metrics')
    .select(['like_count', 'comment_count'])
    .select(sql<string>`day::text`.as('day'))
    .orderBy('day')
    .execute()
  expect(rows).toEqual([
    { day: '2026-03-01', like_count: 41, comment_count: 3 },
    { day: '2026-03-03', like_count: 51, comment_count: 3 },
    { day: '2026-03-05', like_count: 41, comment_count: 3 },
  ])
})

test('a post that is met again is not gone; one told twice in a page is one row', async () => {
  const database = await createDatabase()
  await load(database, posts, [media(), graphMedia()])
  await database.db.updateTable('posts').set({ gone_at: new Date() }).execute()
  await load(database, posts, [media()])
  const rows = await database.db.selectFrom('posts').select(['gone_at']).execute()
  expect(rows).toEqual([{ gone_at: null }])
})

const item = (highlight: object) => ({
  pk: '3700000000000000003',
  code: 'STORY01',
  taken_at: 1_767_600_000,
  media_type: 2,
  product_type: 'story',
  user: { pk: 9001 },
  caption: null,
  image_versions2: { candidates: [{ url: signed('s.jpg'), width: 720, height: 1280 }] },
  video_versions: [{ url: signed('s.mp4'), width: 720, height: 1280 }],
  video_duration: 14.5,
  highlight,
})

test('an item of a highlight is a post, with a place in each highlight that has it', async () => {
  const database = await createDatabase()
  const items = [item({ id: '17900', position: 0 }), item({ id: 'highlight:17901', position: 4 })]
  expect(items.map((one) => highlightItems.idOf(one))).toEqual([
    '17900/3700000000000000003',
    '17901/3700000000000000003',
  ])
  await load(database, highlightItems, items)
  const places = await physically(database, 'highlight_items')
  expect(places.map((place) => Object(place).row)).toMatchObject([
    { highlight_external_id: '17900', position: 1, post_external_id: '3700000000000000003' },
    { highlight_external_id: '17901', position: 5, post_external_id: '3700000000000000003' },
  ])
  const rows = await database.db.selectFrom('post_media').selectAll().execute()
  expect(rows).toMatchObject([{ media_type: 'video', width: 720, duration_s: 14.5 }])
  await load(database, highlightItems, items)
  expect(await physically(database, 'highlight_items')).toEqual(places)
})

const page = (n: number) =>
  Array.from({ length: 20 }, (_, m) => album(['1', '2'], { pk: `37${n}00${m}`, code: `${n}-${m}` }))

test('a page costs the same however many posts there are, also before the tables were ever analyzed', async () => {
  const database = await createDatabase()
  const pages = 40
  for (let n = 0; n < 2 * pages; n++) await load(database, posts, page(n % pages))
  const { scanned, looked_up } = await until('the statistics are there', async () => {
    await sql`select pg_stat_force_next_flush()`.execute(database.db)
    const { rows } = await sql<{ inserted: number; scanned: number; looked_up: number }>`
      select n_tup_ins as inserted, seq_tup_read as scanned, (
        select sum(idx_tup_read)::bigint from pg_stat_user_indexes i where i.relid = t.relid) as looked_up
      from pg_stat_user_tables t where relname = 'posts'`.execute(database.db)
    return rows.find(({ inserted }) => inserted === 20 * pages)
  })
  expect(scanned).toBe(0)
  // Some look-ups a row, none of which reads others.
  expect(looked_up).toBeLessThan(2 * pages * 20 * 6)
})
