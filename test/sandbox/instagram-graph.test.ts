import { expect, test } from 'vitest'
import { accounts, type Edge, errorOf, follow, type Item, options, parse } from './with-graph.ts'
import { type StateRow, withInstagram } from './with-instagram.ts'

type Discovered = { id: string; business_discovery: { id: string; username: string; media: Edge } }

const official = (rows: StateRow[]) => rows.filter((row) => !row.is_trial)

test('the own account is found through its page', async () => {
  const client = await withInstagram(options)
  const { own } = await accounts(client)
  const pages = await parse<Edge>(await client.graph('/v25.0/me/accounts'))
  const page = await client.graph(`/${pages.data[0]?.id}?fields=instagram_business_account`)
  expect(await parse(page)).toMatchObject({ instagram_business_account: { id: own.graph_id } })
  const query = `fields=username,media_count&access_token=sandbox-graph-token`
  const { graph } = client.sandbox.baseUrls
  expect(await parse(await fetch(`${graph}/v25.0/${own.graph_id}?${query}`))).toEqual({
    id: own.graph_id,
    username: own.username,
    media_count: own.media_count,
  })
})

test('own media by pages are the rows of the crawler, newest first, matched by shortcode', async () => {
  const client = await withInstagram({ ...options, clipsOnly: 0.3 })
  const { own } = await accounts(client)
  const fields = 'id,shortcode,timestamp,media_product_type,is_shared_to_feed'
  const items = await follow(client, `/v25.0/${own.graph_id}/media?fields=${fields}&limit=7`)
  const rows = official(await client.state('posts', own.pk))
  expect(items.map(({ shortcode }) => shortcode)).toEqual(rows.map(({ code }) => code))
  expect(items[0]?.timestamp).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000$/)
  const reels = items.filter((item) => item.media_product_type === 'REELS')
  expect(reels.length).toBe(rows.filter((row) => row.in_clips).length)
})

test('before leads back to the page one came from', async () => {
  const client = await withInstagram(options)
  const { own } = await accounts(client)
  const path = `/${own.graph_id}/media?limit=5`
  const first = await parse<Edge>(await client.graph(path))
  const second = await parse<Edge>(
    await client.graph(`${path}&after=${first.paging?.cursors.after}`),
  )
  const back = await client.graph(`${path}&before=${second.paging?.cursors.before}`)
  expect((await parse<Edge>(back)).data).toEqual(first.data)
})

test('discovery: only what is asked for, nested, with its own paging', async () => {
  const client = await withInstagram(options)
  const { own, other } = await accounts(client)
  const ask = async (media: string) => {
    const fields = `business_discovery.username(${other.username}){username,media${media}{id,shortcode,like_count,children{media_type}}}`
    const path = `/v25.0/${own.graph_id}?fields=${encodeURIComponent(fields)}`
    return parse<Discovered>(await client.graph(path))
  }
  const seen: Item[] = []
  let answer = await ask('.limit(12)')
  for (;;) {
    const { media } = answer.business_discovery
    expect(media.paging?.next).toBeUndefined()
    seen.push(...media.data)
    const after = media.paging?.cursors.after
    if (after === undefined) break
    answer = await ask(`.limit(12).after(${after})`)
  }
  const rows = official(await client.state('posts', other.pk))
  expect(seen.map(({ shortcode }) => shortcode)).toEqual(rows.map(({ code }) => code))
  expect(answer).toEqual({
    id: own.graph_id,
    business_discovery: { id: other.graph_id, username: other.username, media: expect.anything() },
  })
  const hidden = new Set(rows.filter((row) => row.likes_hidden).map(({ code }) => code))
  for (const item of seen) {
    expect('like_count' in item).toBe(!hidden.has(item.shortcode ?? ''))
    for (const child of item.children?.data ?? []) {
      expect(Object.keys(child).toSorted()).toEqual(['id', 'media_type'])
    }
  }
  expect(seen.some((item) => item.children !== undefined)).toBe(true)
})

test('110 for who is missing or personal; 10 for what is not one’s own; 100 for nonsense', async () => {
  const client = await withInstagram({ ...options, profiles: 60 })
  const { own, other } = await accounts(client)
  const profiles = await client.state('profiles')
  const personal = profiles.find((row) => row.account_type === 1 && row.status === 'public')
  const gone = profiles.find((row) => row.status === 'gone')
  for (const name of ['nobody', personal?.username, gone?.username]) {
    const fields = `business_discovery.username(${name}){id,username}`
    const answer = await client.graph(`/${own.graph_id}?fields=${fields}`)
    expect(await errorOf(answer)).toEqual([400, 110, 2_207_013])
  }
  const [post] = await client.state('posts', other.pk)
  const theirs = [`${other.graph_id}/stories`, `${post?.graph_id}/comments`, `${post?.graph_id}`]
  for (const path of theirs) {
    expect(await errorOf(await client.graph(`/v25.0/${path}`))).toEqual([403, 10, undefined])
  }
  const wrong = ['123', `${own.graph_id}/media?fields=nothing`, `${own.graph_id}/media?limit=x`]
  for (const path of [...wrong, `${own.graph_id}/media?after=x`, `${own.graph_id}/nothing`]) {
    expect((await errorOf(await client.graph(`/${path}`))).slice(0, 2)).toEqual([400, 100])
  }
})

test('comments: 50 at most, top-level; replies in braces or by their edge', async () => {
  const client = await withInstagram(options)
  const { own } = await accounts(client)
  const posts = await client.state('posts', own.pk)
  const post = posts.find((row) => row.top_level_comments > 50)
  const all = (await client.state('comments', own.pk)).filter((row) => row.media_pk === post?.pk)
  const top = all.filter((row) => row.parent_pk === null).map(({ pk }) => pk)
  const path = `/v25.0/${post?.graph_id}/comments?limit=100`
  const page = await parse<Edge>(await client.graph(path))
  expect(page.data.length).toBe(50)
  expect(Object.keys(page.data[0] ?? {}).toSorted()).toEqual(['id', 'text', 'timestamp'])
  const items = await follow(client, path)
  expect(items.map(({ id }) => id).toSorted()).toEqual(top.toSorted())
  expect(all.length).toBe(post?.comment_count)

  const reply = all.find((row) => row.parent_pk !== null)
  const replies = all.filter((row) => row.parent_pk === reply?.parent_pk).map(({ pk }) => pk)
  const edge = await follow(client, `/${reply?.parent_pk}/replies?fields=text,username`)
  expect(edge.map(({ id }) => id)).toEqual(replies)
  const nested = await parse<{ replies: Edge }>(
    await client.graph(`/${reply?.parent_pk}?fields=text,replies.limit(2){text}`),
  )
  expect(nested.replies.data.map(({ id }) => id)).toEqual(replies.slice(0, 2))

  await client.settings({ commentsPaging: false })
  expect((await follow(client, path)).length).toBe(50)
})
