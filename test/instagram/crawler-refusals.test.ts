import { expect, test } from 'vitest'
import type { InstagramRoute } from '../../src/etl/extract/instagram/route.ts'
import { json, page, startUpstream } from '../etl/support/upstream-server.ts'
import { withInstagram } from '../sandbox/with-instagram.ts'
import { openTestRoute, readPart } from './support/read-part.ts'
import { Custom, refusal, tinyServer } from './support/tiny-server.ts'

const asked = { externalId: '9001', username: 'demo.bakery' }
const post = { externalId: '3700000000000000001', shortcode: 'DEMO001' }
const parts = (route: InstagramRoute) => ({
  profile: () => readPart(route.profile, route.profile.seed(asked)),
  posts: () => readPart(route.posts, route.posts.seed(asked)),
  reels: () => readPart(route.reels, route.reels.seed(asked)),
  comments: () => readPart(route.comments, route.comments.seed(post)),
  replies: () =>
    readPart(route.replies, { cursor: { mediaId: post.externalId, commentId: '17900' } }),
  likers: () => readPart(route.likers, route.likers.seed(post)),
  followers: () => readPart(route.followers, route.followers.seed(asked)),
  stories: () => readPart(route.stories, route.stories.seed(asked)),
  highlights: () => readPart(route.highlights, route.highlights.seed(asked)),
  highlightItems: () =>
    readPart(route.highlightItems, { cursor: { highlightId: '178', userId: '9001' } }),
  postsById: () =>
    readPart(route.postsById, { cursor: { posts: [{ externalId: '1' }, { externalId: '2' }] } }),
  insights: () => readPart(route.postInsights, route.postInsights.seed({ ...post, kind: 'post' })),
})

/** A server that answers everything alike. */
async function always(answer: unknown) {
  const server = await startUpstream(answer instanceof Custom ? answer.handler : json(answer))
  const { route, db } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const shut = () => db.selectFrom('ledger.breakers').selectAll().execute()
  return { ...parts(route), server, shut, stop: () => server.stop() }
}

test('what a 403 means: private, and of comments that they are off; the breaker stays shut', async () => {
  const open = await always(refusal(403, { detail: 'Private account', exc_type: 'PrivateAccount' }))
  for (const part of ['posts', 'reels', 'comments', 'likers', 'followers', 'stories'] as const) {
    await expect(open[part]()).rejects.toMatchObject({
      name: 'Skipped',
      message: 'the profile is private',
    })
  }
  await expect(open.postsById()).rejects.toMatchObject({ name: 'Skipped' })
  expect(open.server.asked).toHaveLength(7)
  open.server.answer(json({ detail: 'Comments off', exc_type: 'CommentsDisabled' }, 403))
  await expect(open.comments()).rejects.toMatchObject({ message: 'comments are off' })
  open.server.answer(json({ detail: 'Forbidden' }, 403))
  await expect(open.comments()).rejects.toMatchObject({ message: 'comments are off' })
  await expect(open.highlights()).rejects.toMatchObject({ message: 'the profile is private' })
  // Who answers with a web page stands before the API: that says nothing of the profile.
  open.server.answer(page('<html>Denied</html>', 403))
  await expect(open.posts()).rejects.toMatchObject({ kind: 'bad_answer', retriable: true })
  expect(await open.shut()).toEqual([])
  await open.stop()
})

test('what a 404 means', async () => {
  const open = await always(refusal(404, { detail: 'Not there', exc_type: 'NotFoundError' }))
  expect((await open.reels()).records).toEqual([])
  await expect(open.posts()).rejects.toMatchObject({
    kind: 'not_found',
    message: 'GET /v1/user/medias/chunk: 404 NotFoundError: Not there',
  })
  await expect(open.comments()).rejects.toMatchObject({ name: 'Skipped' })
  await expect(open.likers()).rejects.toMatchObject({ name: 'Skipped' })
  await expect(open.replies()).rejects.toMatchObject({
    name: 'Skipped',
    message: 'the comment is not there any more',
  })
  await expect(open.highlightItems()).rejects.toMatchObject({ name: 'Skipped' })
  expect((await open.postsById()).absent).toEqual(['1', '2'])
  // A wrong address must not look like posts that are gone.
  open.server.answer(page('<html>Not found</html>', 404))
  await expect(open.postsById()).rejects.toMatchObject({ kind: 'bad_answer' })
  await expect(open.reels()).rejects.toMatchObject({ kind: 'bad_answer' })
  await open.stop()
})

test('401 and 402 concern everything: the second opens the breaker and names the balance', async () => {
  const open = await always(refusal(401, { detail: 'Invalid access key' }))
  await expect(open.comments()).rejects.toMatchObject({
    kind: 'unauthorized',
    message: 'GET /v2/media/comments: 401 Invalid access key',
    hint: expect.stringContaining('INSTAGRAM_ACCESS_KEY'),
  })
  open.server.answer(json({ detail: 'Top up', exc_type: 'InsufficientFunds' }, 402))
  await expect(open.posts()).rejects.toMatchObject({
    kind: 'blocked',
    hint: expect.stringContaining('balance'),
  })
  expect(await open.shut()).toHaveLength(1)
  const before = open.server.asked.length
  await expect(open.stories()).rejects.toMatchObject({ kind: 'blocked' })
  expect(open.server.asked).toHaveLength(before)
  await open.stop()
})

test('410, 400 and 422 are final, and say what is wrong', async () => {
  const detail = [{ loc: ['query', 'id'], msg: 'Input should be a valid integer', type: 'int' }]
  const open = await always(refusal(422, { detail }))
  await expect(open.comments()).rejects.toMatchObject({
    kind: 'bad_request',
    message: 'GET /v2/media/comments: 422 query.id: Input should be a valid integer',
  })
  open.server.answer(json({ detail: 'Gone' }, 410))
  await expect(open.comments()).rejects.toMatchObject({
    kind: 'bad_request',
    hint: expect.stringContaining('retired'),
  })
  expect(open.server.asked).toHaveLength(2)
  await open.stop()
})

test('429, 408, 5xx and a 200 that says fail are asked again', async () => {
  const open = await always([[], null])
  const fine = json([[{ pk: '1' }], null])
  const failed = { status: 'fail', message: 'Please wait a few minutes' }
  const reel = json({ reel: null, status: 'ok' })
  for (const trouble of [json({}, 429), json({}, 408), json({}, 503), json({}, 504)]) {
    open.server.answerInTurn(trouble, fine)
    expect((await open.posts()).records).toHaveLength(1)
  }
  open.server.answerInTurn(json(failed), reel)
  expect((await open.stories()).records).toEqual([])
  open.server.answer(json({ response: failed, next_page_id: null }))
  await expect(open.comments()).rejects.toMatchObject({
    kind: 'upstream',
    retriable: true,
    message: expect.stringContaining('Please wait a few minutes'),
  })
  await open.stop()
})

test('an answer of another shape is quoted, never taken for an empty list', async () => {
  const shapes = [
    {},
    [],
    null,
    'x',
    { response: {} },
    { users: {} },
    [{ pk: 1 }, 2, 3],
    { reel: 1 },
  ]
  for (const shape of shapes) {
    const {
      stop,
      server: _server,
      shut: _shut,
      profile: _p,
      postsById: _b,
      insights: _i,
      ...all
    } = await always(shape)
    for (const [part, read] of Object.entries(all)) {
      // A list of highlights has no envelope.
      if (part === 'highlights' && Array.isArray(shape)) continue
      await expect(read()).rejects.toMatchObject({
        kind: 'bad_answer',
        message: expect.stringContaining(`was due, not "${JSON.stringify(shape)}"`),
      })
    }
    await stop()
  }
  const html = await always(new Custom(page('<!doctype html><p>Maintenance</p>')))
  await expect(html.posts()).rejects.toMatchObject({ kind: 'bad_answer' })
  await html.stop()
})

test('records of any kind go to the transform, which sorts them', async () => {
  const odd = [null, 'x', 5, [], {}]
  const server = await tinyServer({
    '/v1/user/medias/chunk': [odd],
    '/v2/media/comments': { response: { comments: odd } },
    '/v2/media/comments/replies': { child_comments: odd },
    '/v2/user/stories': { reel: { items: odd } },
    '/v1/user/highlights': odd,
    '/v2/highlight/by/id': { response: { reels: { 'highlight:178': { items: odd } } } },
  })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const { posts, comments, replies, stories, highlights, highlightItems } = parts(route)
  for (const read of [posts, comments, replies, stories, highlights, highlightItems]) {
    const { records, opens } = await read()
    expect(records.slice(0, 4)).toEqual(odd.slice(0, 4))
    expect(opens).toEqual([])
  }
})

test('more replies announced without a cursor: what came is kept, and the stream fails', async () => {
  const server = await tinyServer({
    '/v2/media/comments/replies': {
      child_comments: [{ pk: '1' }],
      has_more_tail_child_comments: true,
    },
  })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const cursor = { mediaId: post.externalId, commentId: '17900' }
  expect((await readPart(route.replies, { cursor }, 1)).records).toHaveLength(1)
  await expect(readPart(route.replies, { cursor })).rejects.toMatchObject({
    kind: 'bad_answer',
    retriable: false,
  })
  expect(server.asked).toHaveLength(2)
})

test('a profile that was renamed is found by its id; a stranger who took the name is not it', async () => {
  const { state, sandbox } = await withInstagram({ renamedPercent: 30, gonePercent: 30 })
  const { route } = await openTestRoute({ INSTAGRAM_BASE_URL: sandbox.baseUrls.instagram })
  const profiles = await state('profiles')
  const renamed = profiles.find((row) => row.former_username !== null && row.status === 'public')
  const username = renamed?.former_username ?? ''
  const read = (externalId?: string) =>
    readPart(route.profile, route.profile.seed({ username, externalId }))
  expect((await read(renamed?.pk)).records).toMatchObject([{ username: renamed?.username }])
  await expect(read()).rejects.toMatchObject({
    kind: 'not_found',
    message: `no profile named ${username}`,
  })
  const gone = profiles.find((row) => row.status === 'gone')
  const lost = { username: gone?.username ?? '', externalId: gone?.pk ?? '' }
  await expect(readPart(route.profile, route.profile.seed(lost))).rejects.toMatchObject({
    kind: 'not_found',
    retriable: false,
    message: `no profile named ${lost.username} or of the id ${lost.externalId}`,
  })

  const server = await tinyServer({
    '/v1/user/by/username': { pk: 77, username: 'demo.bakery' },
    '/v1/user/by/id': { pk: 9001, username: 'bakery.now' },
  })
  const other = await openTestRoute({ INSTAGRAM_BASE_URL: server.url })
  const { records } = await readPart(other.route.profile, other.route.profile.seed(asked))
  expect(records).toEqual([{ pk: 9001, username: 'bakery.now' }])
})

test('what the crawler does not give is skipped, without a request', async () => {
  const open = await always({})
  await expect(open.insights()).rejects.toMatchObject({
    name: 'Skipped',
    message: 'the crawler API gives no insights',
  })
  expect(open.server.asked).toEqual([])
  await open.stop()
})
