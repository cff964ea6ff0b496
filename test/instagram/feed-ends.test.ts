import { expect, test } from 'vitest'
import { follow, type Trail } from '../../src/etl/extract/instagram/page-trail.ts'
import { idInList } from '../../src/etl/extract/instagram/record-fields.ts'
import { withInstagram } from '../sandbox/with-instagram.ts'
import { openTestRoute, pks, readPage, readPart } from './support/read-part.ts'
import { Custom, tinyServer } from './support/tiny-server.ts'

const day = 86_400_000
const daysBefore = (daysAgo: number) =>
  new Date(Date.UTC(2026, 0, 30) - daysAgo * day).toISOString()
const post = (daysAgo: number) => ({ pk: `1${daysAgo}`, taken_at: daysBefore(daysAgo) })
const asked = { externalId: '9001', username: 'demo.bakery' }

/** A profile whose posts come in these pages. */
async function feedOf(...pages: unknown[][]) {
  const server = await tinyServer({
    '/v1/user/medias/chunk': (query: URLSearchParams) => {
      const n = Number(query.get('end_cursor')?.slice(1) ?? 0)
      return [pages[n], n + 1 < pages.length ? `c${n + 1}` : null]
    },
  })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const read = async (since?: string) =>
    (await readPart(route.posts, route.posts.seed({ ...asked, since }))).requests
  return { route, read }
}

test('the whole list is read where nothing is known', async () => {
  const { read } = await feedOf([post(1), post(2), post(3), post(4)], [post(5)], [post(6)])
  expect(await read()).toBe(3)
})

test('pinned old posts in front end nothing', async () => {
  const { read } = await feedOf(
    [post(400), post(300), post(500), post(1), post(2), post(3)],
    [post(4), post(5), post(6), post(7)],
    [post(8), post(9)],
  )
  expect(await read(daysBefore(5.5))).toBe(2)
  expect(await read(daysBefore(2.5))).toBe(2)
  expect(await read(daysBefore(1.5))).toBe(1)
  expect(await read(daysBefore(0))).toBe(1)
  expect(await read(daysBefore(600))).toBe(3)
})

test('a first page so short that all of it may be pinned says nothing', async () => {
  const { route, read } = await feedOf([post(300), post(400), post(500)], [post(1), post(2)])
  expect(await read(daysBefore(200))).toBe(2)
  const seed = route.posts.seed({ ...asked, since: daysBefore(200), untilUnchanged: true })
  const { page } = await readPage(route.posts.operation, seed.cursor)
  expect(page.endsUnless).toBeUndefined()
})

test('a stray old post further down ends nothing', async () => {
  const { read } = await feedOf(
    [post(1), post(2), post(3), post(4)],
    [post(5), post(6), post(900)],
    [post(8), post(9)],
  )
  expect(await read(daysBefore(8.5))).toBe(3)
})

test('posts without a time neither end a list nor break it', async () => {
  const { read } = await feedOf(
    [null, { pk: '1' }, { pk: '2', taken_at: 'soon' }, 'x', 5],
    [post(1), post(2)],
  )
  expect(await read(daysBefore(0))).toBe(2)
})

test('a page that changes nothing may end the list where that was asked for', async () => {
  const { route } = await feedOf([post(1), post(2), post(3), post(4)], [], [post(5)])
  const seed = route.posts.seed({ ...asked, since: daysBefore(9), untilUnchanged: true })
  const { pages } = await readPart(route.posts, seed)
  // Not an empty page in mid-list: that says nothing of what follows.
  expect(pages.map(({ endsUnless }) => endsUnless)).toEqual(['changed', undefined, 'changed'])
  const whole = await readPart(route.posts, route.posts.seed(asked))
  expect(whole.pages.every(({ endsUnless }) => endsUnless === undefined)).toBe(true)
})

test('a second read of an unchanged profile is one request, also with pinned posts', async () => {
  const sandbox = await withInstagram({ postsPerProfile: 60 })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.sandbox.baseUrls.instagram })
  const since = new Date(1_748_736_000_000).toISOString()
  const profiles = (await sandbox.state('profiles')).filter((row) => row.status === 'public')
  let pinned = 0
  for (const { pk, username } of profiles) {
    pinned += (await sandbox.state('posts', pk)).filter((row) => row.is_pinned).length
    const seed = route.posts.seed({ externalId: pk, username, since })
    expect((await readPart(route.posts, seed)).requests).toBe(1)
  }
  expect(pinned).toBeGreaterThan(0)
})

test('a new post is found behind pinned ones', async () => {
  const sandbox = await withInstagram({ postsPerProfile: 60 })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.sandbox.baseUrls.instagram })
  const pinned = (await sandbox.state('posts')).find((row) => row.is_pinned)
  const [made] = await sandbox.change({ op: 'newPost', profile: pinned?.user_pk })
  const since = new Date(1_748_736_000_000).toISOString()
  const seed = route.posts.seed({ externalId: pinned?.user_pk ?? '', username: '', since })
  expect(pks((await readPart(route.posts, seed)).records)).toContain(made?.pk)
})

test('a cursor that repeats ends the stream as failed, a longer circle too', async () => {
  for (const round of [1, 3]) {
    let asks = 0
    const server = await tinyServer({
      '/v1/user/medias/chunk': () => [[post(asks)], `c${asks++ < 5 ? asks : 5 + (asks % round)}`],
    })
    const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
    await expect(readPart(route.posts, route.posts.seed(asked))).rejects.toMatchObject({
      kind: 'bad_answer',
      retriable: false,
      message: expect.stringMatching(/GET \/v1\/user\/medias\/chunk: the cursor repeats: c\d+/),
    })
    expect(asks).toBeLessThan(12)
  }
})

test.for([
  ['cursors that repeat', (n: number) => `cursor-${n}`, 'GET /list: the cursor repeats: cursor-'],
  ['a new cursor each time', (_n: number, page: number) => `cursor-${page}`, 'the same records'],
] as const)('a circle of any length is noticed before long: %s', ([, nextAt, words]) => {
  for (const [before, round] of [
    [0, 1],
    [3, 2],
    [100, 7],
    [50, 1000],
    [1000, 50],
  ] as const) {
    let trail: Trail | undefined
    let pages = 0
    const walk = () => {
      for (; pages < 10_000; pages++) {
        const n = pages < before ? pages : before + ((pages - before) % round)
        trail = follow(trail, { records: [{ pk: n }], next: nextAt(n, pages) }, 'GET /list')
        expect(JSON.stringify(trail).length).toBeLessThan(250)
      }
    }
    expect(walk).toThrow(words)
    expect(pages).toBeLessThan(3 * (before + round) + 4)
  }
})

test('a page that new records pushed down once is no circle', () => {
  let trail: Trail | undefined
  for (const [n, pk] of [1, 2, 2, 3, 3, 4].entries()) {
    trail = follow(trail, { records: [{ pk }], next: `cursor-${n}` }, 'GET /list')
  }
  expect(trail?.again).toBe(0)
})

test('where a parameter is not understood, the first page comes again and again, and it is said', async () => {
  const sandbox = await withInstagram({ postsPerProfile: 60 })
  // A server that knows the cursor by another name.
  const server = await tinyServer({
    '/v1/user/medias/chunk': (query: URLSearchParams) =>
      new Custom((_request, response) => {
        const path = `/v1/user/medias/chunk?user_id=${query.get('user_id')}`
        void sandbox.get(path).then(async (answer) => response.end(await answer.text()))
      }),
  })
  const [profile] = (await sandbox.state('profiles')).filter(({ status }) => status === 'public')
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const seed = route.posts.seed({ externalId: profile?.pk ?? '', username: '' })
  await expect(readPart(route.posts, seed)).rejects.toThrow('the same records come again')
  expect(server.asked).toHaveLength(3)
})

test('a long list is no circle', () => {
  let trail: Trail | undefined
  for (let n = 0; n < 20_000; n++)
    trail = follow(trail, { records: [{ id: n }], next: `${n}` }, 'GET /list')
  expect(trail?.pages).toBe(20_000)
})

test('a cursor that is refused begins the list anew, once, and says nothing of what is known', async () => {
  const sandbox = await withInstagram({ postsPerProfile: 60, commentsPerPost: 40, followers: 120 })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.sandbox.baseUrls.instagram })
  const profiles = (await sandbox.state('profiles')).filter(({ status }) => status === 'public')
  const externalId = profiles[0]?.pk ?? ''
  const profile = { externalId, username: '' }
  const since = new Date(0).toISOString()
  const [row] = (await sandbox.state('posts', externalId)).filter(
    (one) => one.comment_count > 30 && !one.comments_disabled,
  )
  const commented = { externalId: row?.pk ?? '', shortcode: '', known: true }
  const lists = [
    [route.posts, route.posts.seed({ ...profile, since, untilUnchanged: true }), 'end_cursor'],
    [route.followers, route.followers.seed(profile), 'max_id'],
    [route.comments, route.comments.seed(commented), 'page_id'],
  ] as const
  for (const [part, seed, match] of lists) {
    const list = { operation: part.operation as typeof route.posts.operation }
    const whole = await readPart(list, seed)
    await sandbox.fault({ kind: 'cursorRefused', match })
    const again = await readPart(list, seed)
    expect(again.requests).toBe(whole.requests + 2)
    expect(again.records.slice(-whole.records.length).map(idInList)).toEqual(
      whole.records.map(idInList),
    )
    expect(again.pages.slice(2).every(({ endsUnless }) => endsUnless === undefined)).toBe(true)
    await sandbox.fault({ kind: 'cursorRefused', match, times: 2 })
    await expect(readPart(list, seed)).rejects.toMatchObject({ kind: 'bad_request' })
  }
})
