import { expect, test } from 'vitest'
import { accounts, type Edge, errorOf, options, parse } from './with-graph.ts'
import { withInstagram } from './with-instagram.ts'

test('tokens: missing, unknown, expired; whose account they own', async () => {
  const client = await withInstagram(options)
  const { own, other } = await accounts(client)
  const bare = await fetch(`${client.sandbox.baseUrls.graph}/v25.0/me/accounts`)
  expect(await errorOf(bare)).toEqual([400, 190, undefined])
  expect(await errorOf(await client.graph('/me/accounts', 'wrong'))).toEqual([400, 190, undefined])
  await client.settings({
    graphTokens: [
      { token: 'old', state: 'expired' },
      { token: 'mine', owns: [other.number] },
    ],
  })
  expect(await errorOf(await client.graph('/me/accounts', 'old'))).toEqual([400, 190, 463])
  expect((await client.graph(`/${other.graph_id}/media`, 'mine')).status).toBe(200)
  expect(await errorOf(await client.graph(`/${own.graph_id}/media`, 'mine'))).toEqual([
    403,
    10,
    undefined,
  ])
})

test('usage rises to 100 percent, then 4 for the app and 80002 for the account', async () => {
  const client = await withInstagram({ ...options, appCalls: 4, accountCalls: 3 })
  const { own } = await accounts(client)
  const app: unknown[] = []
  for (let n = 0; n < 4; n++) {
    const answer = await client.graph('/me/accounts')
    app.push(JSON.parse(answer.headers.get('x-app-usage') ?? '').call_count)
  }
  expect(app).toEqual([25, 50, 75, 100])
  expect(await errorOf(await client.graph('/me/accounts'))).toEqual([403, 4, undefined])
  const media = `/${own.graph_id}/media`
  for (let n = 0; n < 3; n++) expect((await client.graph(media)).status).toBe(200)
  const over = await client.graph(media)
  const usage = JSON.parse(over.headers.get('x-business-use-case-usage') ?? '')
  expect(usage[own.graph_id][0]).toMatchObject({
    call_count: 100,
    estimated_time_to_regain_access: 1440,
  })
  expect(await errorOf(over)).toEqual([400, 80_002, undefined])
})

test('insights: known metrics, empty for some, error 10 for stories few saw', async () => {
  const client = await withInstagram({ ...options, stories: 40, followers: 40 })
  const { own } = await accounts(client)
  const seen = { some: 0, empty: 0, ten: 0 }
  for (const post of await client.state('posts', own.pk)) {
    const answer = await client.graph(`/${post.graph_id}/insights?metric=reach,views`)
    if (answer.status !== 200) continue
    const { data } = await parse<Edge>(answer)
    seen[data.length === 0 ? 'empty' : 'some']++
  }
  const stories = await parse<Edge>(await client.graph(`/${own.graph_id}/stories?limit=100`))
  for (const { id } of stories.data) {
    const answer = await client.graph(`/${id}/insights?metric=replies`)
    if (answer.status === 403) seen.ten++
  }
  expect(seen).toEqual({
    some: expect.toSatisfy((n: number) => n > 0),
    empty: expect.toSatisfy((n: number) => n > 0),
    ten: expect.toSatisfy((n: number) => n > 0),
  })
  const account = `/${own.graph_id}/insights?period=day`
  const few = await client.graph(`${account}&metric=follower_count`)
  expect(await parse(few)).toEqual({ data: [] })
  const total = await client.graph(`${account}&metric=reach&metric_type=total_value`)
  expect(await parse(total)).toMatchObject({
    data: [{ total_value: { value: expect.any(Number) } }],
  })
  expect((await errorOf(await client.graph(`${account}&metric=impressions`)))[1]).toBe(100)
})

test('faults of the official API', async () => {
  const client = await withInstagram(options)
  const { own } = await accounts(client)
  const media = `/v25.0/${own.graph_id}/media`
  await client.fault(
    { kind: 'graphError', code: 1, match: '/graph/' },
    { kind: 'graphError', code: 2, match: '/graph/' },
    { kind: 'graphError', code: 17 },
    { kind: 'graphError', code: 190, subcode: 463 },
    { kind: 'goneMedia' },
  )
  const errors: unknown[] = []
  for (let n = 0; n < 5; n++) errors.push(await errorOf(await client.graph(media)))
  expect(errors).toEqual([
    [500, 1, undefined],
    [503, 2, undefined],
    [400, 17, undefined],
    [400, 190, 463],
    [400, 100, 33],
  ])
  const first = await parse<Edge>(await client.graph(`${media}?limit=5`))
  await client.fault({ kind: 'emptyPage' })
  const empty = await parse<Edge>(
    await client.graph(`${media}?limit=5&after=${first.paging?.cursors.after}`),
  )
  expect(empty.data).toEqual([])
  expect(empty.paging?.next).toBeDefined()
  await client.fault({ kind: 'repeatCursor', match: 'after=' })
  const again = await parse<Edge>(
    await client.graph(`${media}?limit=5&after=${first.paging?.cursors.after}`),
  )
  expect(again.paging?.cursors.after).toBe(first.paging?.cursors.after)
  expect(again.paging?.next).toContain(encodeURIComponent(first.paging?.cursors.after ?? ''))
})
