import { expect, test } from 'vitest'
import { json, page, startUpstream } from '../etl/support/upstream-server.ts'
import { accounts, options } from '../sandbox/with-graph.ts'
import { withInstagram } from '../sandbox/with-instagram.ts'
import { openTestRoute, readPart } from './support/read-part.ts'
import { Custom, refusal, tinyServer } from './support/tiny-server.ts'

const token = 'sandbox-graph-token'
const routeTo = async (baseUrl: string) =>
  await openTestRoute({
    INSTAGRAM_ROUTE: 'graph',
    INSTAGRAM_BASE_URL: baseUrl,
    INSTAGRAM_ACCESS_KEY: token,
  })
const asked = { externalId: '9001', username: 'demo.bakery' }
const post = { externalId: '1', shortcode: 'DEMO001', graphId: '18000000000000001' }

const item = (id: string) => ({ id, shortcode: id })

/** A token for one account, and what else a test has it answer. */
const ownAccount = {
  '/v25.0/me/accounts': { data: [{ id: '100', name: 'Demo' }] },
  '/v25.0/100': { id: '100', instagram_business_account: { id: '17841' } },
  '/v25.0/17841': { id: '17841', username: 'Demo.Bakery' },
}
const error = (code: number, more: object = {}) => ({
  error: { message: 'as it is', type: 'OAuthException', code, fbtrace_id: 'A', ...more },
})

const none = () => refusal(400, error(100))

test.for([
  [refusal(400, error(190, { error_subcode: 463 })), 'unauthorized', 'expired'],
  [refusal(400, error(102)), 'unauthorized', 'log in again'],
  [refusal(500, error(190, { error_subcode: 460 })), 'unauthorized', 'the password was changed'],
  [refusal(200, error(100)), 'bad_request', ''],
  [refusal(403, error(1)), 'upstream', ''],
  [refusal(400, error(2)), 'upstream', ''],
  [refusal(400, error(9999, { is_transient: true })), 'upstream', ''],
  [refusal(400, error(100, { error_subcode: 2_207_013 })), 'not_found', ''],
  [new Custom(page('<html>Down</html>', 403)), 'bad_answer', 'INSTAGRAM_BASE_URL'],
  [refusal(200, []), 'bad_answer', ''],
] as const)('the code decides, not the status: %#', async ([answer, kind, hint]) => {
  const server = await tinyServer({ ...ownAccount, '/v25.0/17841/media': () => answer })
  const { route, db } = await routeTo(server.url)
  const failed = await readPart(route.posts, route.posts.seed(asked)).catch((e: object) => e)
  expect(failed).toMatchObject({ kind })
  expect('hint' in failed ? String(failed.hint) : '').toContain(hint)
  expect(await db.selectFrom('ledger.breakers').selectAll().execute()).toEqual([])
})

test('a missing right skips the stream that meets it', async () => {
  for (const code of [10, 200, 299]) {
    const server = await tinyServer({
      ...ownAccount,
      '/v25.0/18000000000000001/comments': () => refusal(403, error(code)),
    })
    const { route } = await routeTo(server.url)
    await expect(readPart(route.comments, route.comments.seed(post))).rejects.toMatchObject({
      name: 'Skipped',
      message: `not permitted: GET /18000000000000001/comments: ${code}, as it is`,
    })
  }
})

test.for([4, 17, 32, 613, 80_002])(
  'a limit whose wait is told parks at once, and nobody asks before: %i',
  async (code) => {
    const usage = JSON.stringify({
      '77': [
        { type: 'pages', call_count: 100, estimated_time_to_regain_access: 900 },
        { type: 'instagram', call_count: 100, estimated_time_to_regain_access: 17 },
      ],
    })
    const headers = { 'x-business-use-case-usage': usage }
    const server = await tinyServer({
      ...ownAccount,
      '/v25.0/17841/media': () => new Custom(json(error(code), 400, headers)),
    })
    const { route } = await routeTo(server.url)
    const read = () => readPart(route.posts, route.posts.seed(asked)).catch((e: object) => e)
    const parked = await read()
    expect(parked).toMatchObject({ name: 'Parked', service: 'instagram', until: expect.any(Date) })
    const minutes = ((parked as { until: Date }).until.getTime() - Date.now()) / 60_000
    expect(minutes).toBeGreaterThan(16.9)
    expect(minutes).toBeLessThan(17.1)
    expect(await read()).toMatchObject({ until: (parked as { until: Date }).until })
    // The page of accounts, the page, the account, and one refusal.
    expect(server.asked).toHaveLength(4)
  },
)

test('a limit without a word of its wait is tried again, then parks', async () => {
  let times = 1
  const answer = () => (times-- > 0 ? refusal(403, error(4)) : { data: [] })
  const server = await tinyServer({ ...ownAccount, '/v25.0/17841/media': answer })
  const { route } = await routeTo(server.url)
  expect((await readPart(route.posts, route.posts.seed(asked))).records).toEqual([])
  times = 100
  await expect(readPart(route.posts, route.posts.seed(asked))).rejects.toHaveProperty('until')
  // The page of accounts, the page and the account; once more after the first refusal; then four times.
  expect(server.asked).toHaveLength(3 + 2 + 4)
})

test('at 100 percent nothing more is sent, before the limit says so', async () => {
  const client = await withInstagram({ ...options, accountCalls: 3, postsPerProfile: 300 })
  const { own } = await accounts(client)
  const { route } = await routeTo(client.sandbox.baseUrls.graph)
  const mine = { externalId: own.pk, username: own.username }
  await expect(readPart(route.posts, route.posts.seed(mine))).rejects.toHaveProperty('until')
  const { text } = await client.admin('GET', '/log')
  expect(text.match(/\/media"/g)).toHaveLength(1)
  expect(text).not.toMatch(/"status":4/)
})

test('a field that this version does not have costs one request, not the records', async () => {
  const refused = ['view_count', 'is_shared_to_feed']
  const fieldsAsked: string[] = []
  const server = await tinyServer({
    ...ownAccount,
    '/v25.0/17841/media': (query: URLSearchParams) => {
      const fields = query.get('fields') ?? ''
      fieldsAsked.push(fields)
      const name = refused.find((field) => fields.split(',').includes(field))
      const message = `(#100) Tried accessing nonexisting field (${name}) on node type (IGMedia)`
      if (name) return refusal(400, error(100, { message }))
      return { data: [{ id: '1' }] }
    },
  })
  const { route } = await routeTo(server.url)
  const read = () => readPart(route.posts, route.posts.seed(asked))
  expect((await read()).records).toMatchObject([{ id: '1' }])
  expect(fieldsAsked).toHaveLength(3)
  expect((await read()).requests).toBe(1)
  expect(fieldsAsked.at(-1)).toContain('like_count')
})

test('a metric that this version does not have is left out', async () => {
  const metrics: string[] = []
  const server = await tinyServer({
    ...ownAccount,
    '/v25.0/18000000000000001/insights': (query: URLSearchParams) => {
      metrics.push(query.get('metric') ?? '')
      if (metrics.length > 1) return { data: [{ name: 'reach', values: [{ value: 3 }] }] }
      const message = '(#100) metric[2] must be one of the following values: reach, views, likes'
      return refusal(400, error(100, { message }))
    },
  })
  const { route } = await routeTo(server.url)
  const seed = route.postInsights.seed({ ...post, kind: 'post' })
  expect((await readPart(route.postInsights, seed)).records).toHaveLength(1)
  expect(metrics[1]?.split(',').toSorted()).toEqual(['likes', 'reach', 'views'])
})

test('lists end where no next is named, not at an empty page; discovery at a page without records', async () => {
  const next = 'https://graph.example/v25.0/17841/media?access_token=leaked&limit=50&after='
  const own: Record<string, object> = {
    '': { data: [item('1')], paging: { cursors: { after: 'a' }, next: `${next}a` } },
    a: { data: [], paging: { next: `${next}b%3D` } },
    'b=': { data: [item('2')], paging: { cursors: { after: 'c' } } },
  }
  const discovered: Record<string, object> = {
    '': { data: [item('3')], paging: { cursors: { after: 'a' } } },
    a: { data: [item('4')], paging: { cursors: { after: 'b' } } },
    b: { data: [], paging: { cursors: { after: 'c' } } },
  }
  const server = await tinyServer({
    ...ownAccount,
    '/v25.0/17841/media': (query: URLSearchParams) => own[query.get('after') ?? ''],
    '/v25.0/17841': (query: URLSearchParams) => {
      const fields = query.get('fields') ?? ''
      if (!fields.startsWith('business_discovery.username(other){'))
        return ownAccount['/v25.0/17841']
      const after = /after\((.*?)\)/.exec(fields)?.[1] ?? ''
      return { id: '17841', business_discovery: { id: '42', media: discovered[after] } }
    },
  })
  const { route } = await routeTo(`${server.url}/v25.0`)
  const mine = await readPart(route.posts, route.posts.seed(asked))
  expect(mine.records.map(({ id }) => id)).toEqual(['1', '2'])
  const theirs = await readPart(route.posts, route.posts.seed({ ...asked, username: 'other' }))
  expect(theirs.records.map(({ id }) => id)).toEqual(['3', '4'])
  expect(theirs.records[0]).toMatchObject({ username: 'other', owner: { id: '42' } })
  expect(server.asked.join()).not.toMatch(/token|leaked/)
})

test('replies name their parent and their post, told or not; those that go on open a stream', async () => {
  const reply = { id: '5', text: 'yes', timestamp: '2026-01-05T08:00:00+0000' }
  const thread = { ...reply, id: '4', replies: { data: [reply], paging: { next: 'https://x/' } } }
  const server = await tinyServer({
    ...ownAccount,
    '/v25.0/18000000000000001/comments': { data: [thread, null, { ...reply, id: '6' }] },
    '/v25.0/4/replies': { data: [reply, { ...reply, id: '7', parent_id: '4' }] },
  })
  const { route } = await routeTo(server.url)
  const seed = route.comments.seed({ ...post, replies: true })
  const { records, opens } = await readPart(route.comments, seed)
  const media = { id: '18000000000000001', shortcode: 'DEMO001' }
  const whole = { ...reply, media, parent_id: '4' }
  expect(records).toEqual([{ ...reply, id: '4', media }, whole, null, { ...reply, id: '6', media }])
  expect(opens).toMatchObject([{ operation: 'replies', subject: '4' }])
  const replies = await readPart(route.replies, { cursor: opens[0]?.cursor })
  expect(replies.records).toEqual([whole, { ...whole, id: '7' }])
})

test('an account without posts has no list in discovery at all', async () => {
  const server = await tinyServer({
    ...ownAccount,
    '/v25.0/17841': { id: '17841', username: 'demo', business_discovery: { id: '42' } },
  })
  const { route } = await routeTo(server.url)
  expect((await readPart(route.posts, route.posts.seed(asked))).records).toEqual([])
})

test('the token of a page, and one of an account, know their own; one of nobody is said', async () => {
  const page_ = await tinyServer({
    '/v25.0/me/accounts': none,
    '/v25.0/me': { id: '100', instagram_business_account: { id: '17841' } },
    '/v25.0/17841': { id: '17841', username: 'demo.bakery', name: 'Demo' },
  })
  const account = await tinyServer({
    '/v25.0/me/accounts': none,
    '/v25.0/me': { id: '17841', username: 'demo.bakery' },
    '/v25.0/17841': { id: '17841', username: 'demo.bakery' },
  })
  for (const server of [page_, account]) {
    const { route } = await routeTo(server.url)
    const { records } = await readPart(route.profile, route.profile.seed(asked))
    expect(records).toMatchObject([{ id: '17841', username: 'demo.bakery' }])
  }
  const nobody = await startUpstream(json({ data: [] }))
  const { route } = await routeTo(nobody.url)
  await expect(readPart(route.profile, route.profile.seed(asked))).rejects.toMatchObject({
    kind: 'bad_answer',
  })
  nobody.answer((request, response) =>
    (request.url?.includes('accounts') ? json({ data: [] }) : json(error(100), 400))(
      request,
      response,
    ),
  )
  await expect(readPart(route.profile, route.profile.seed(asked))).rejects.toMatchObject({
    kind: 'settings',
    hint: expect.stringContaining('pages_show_list'),
  })
  await nobody.stop()
})

test('a cursor that repeats ends the list as failed, in either way', async () => {
  const client = await withInstagram({ ...options, postsPerProfile: 130 })
  const { own, other } = await accounts(client)
  const { route } = await routeTo(client.sandbox.baseUrls.graph)
  for (const { pk, username } of [own, other]) {
    await client.fault({ kind: 'repeatCursor', match: 'after' })
    const seed = route.posts.seed({ externalId: pk, username })
    await expect(readPart(route.posts, seed)).rejects.toMatchObject({
      kind: 'bad_answer',
      retriable: false,
      message: expect.stringContaining('the cursor repeats'),
    })
  }
})

test('a cursor that is refused, being short-lived, begins the list anew', async () => {
  const client = await withInstagram({ ...options, postsPerProfile: 130 })
  const { own, other } = await accounts(client)
  const { route } = await routeTo(client.sandbox.baseUrls.graph)
  for (const { pk, username } of [own, other]) {
    const seed = route.posts.seed({ externalId: pk, username })
    const whole = await readPart(route.posts, seed)
    await client.fault({ kind: 'cursorRefused', match: 'after' })
    const again = await readPart(route.posts, seed)
    expect(again.records.slice(-whole.records.length).map(({ id }) => id)).toEqual(
      whole.records.map(({ id }) => id),
    )
  }
})
