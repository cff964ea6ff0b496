import { expect, test } from 'vitest'
import { type Comment, type Media, type User, withInstagram } from './with-instagram.ts'

test('old pinned posts stand first and nowhere else', async () => {
  const client = await withInstagram({ postsPerProfile: 30 })
  const posts = await client.state('posts')
  const owner = posts.find((row) => row.is_pinned)?.user_pk
  const pinned = posts.filter((row) => row.user_pk === owner && row.is_pinned).map(({ pk }) => pk)
  const [media] = await client.read<[Media[]]>(`/v1/user/medias/chunk?user_id=${owner}`)
  expect(
    media
      .slice(0, pinned.length)
      .map(({ pk }) => pk)
      .toSorted(),
  ).toEqual(pinned.toSorted())
  const times = media.slice(pinned.length).map((one) => one.taken_at_ts)
  expect(times).toEqual(times.toSorted((a, b) => b - a))
  expect(media[0]?.taken_at_ts).toBeLessThan(times.at(-1) ?? 0)
})

test('media: by id, code and url; albums, hidden likes, comments off, captions, kinds', async () => {
  const client = await withInstagram({ profiles: 60, clipsOnly: 0.3 })
  const posts = await client.state('posts')
  const read = (pk: string) => client.read<Media>(`/v1/media/by/id?id=${pk}`)

  const album = posts.find((row) => row.product_type === 'carousel_container')
  const one = await read(`${album?.pk}_${album?.user_pk}`)
  expect(one.resources.length).toBeGreaterThanOrEqual(2)
  expect(new Set(one.resources.map(({ pk }) => pk)).size).toBe(one.resources.length)
  expect(one).toMatchObject({ id: `${one.pk}_${album?.user_pk}`, media_type: 8 })
  expect(one.taken_at).toBe(new Date(one.taken_at_ts * 1000).toISOString().replace('.000', ''))
  const byCode = await client.read<Media>(`/v1/media/by/code?code=${one.code}`)
  const byUrl = await client.read<Media>(
    `/v1/media/by/url?url=${encodeURIComponent(`https://www.instagram.com/p/${one.code}/`)}`,
  )
  expect([byCode.pk, byUrl.pk]).toEqual([one.pk, one.pk])

  const hidden = posts.find((row) => row.likes_hidden && row.like_count > 3)
  expect(await read(hidden?.pk ?? '')).toMatchObject({
    like_and_view_counts_disabled: true,
    like_count: 3,
  })
  const off = posts.find((row) => row.comments_disabled)
  expect(await read(off?.pk ?? '')).toMatchObject({ comments_disabled: true, comment_count: 0 })
  const refused = await client.get(`/v2/media/comments?id=${off?.pk}`)
  expect([refused.status, await refused.text()]).toEqual([
    403,
    expect.stringMatching('CommentsDisabled'),
  ])

  expect(new Set(posts.map((row) => row.product_type))).toEqual(
    new Set(['feed', 'clips', 'carousel_container', 'igtv']),
  )
  expect(posts.some((row) => row.in_feed && row.in_clips)).toBe(true)
  expect(posts.some((row) => !row.in_feed && row.is_trial)).toBe(true)
  const captions = posts.map((row) => JSON.stringify(row)).join('\n')
  for (const part of ['@', '#хлеб', '🔥', '\\n']) expect(captions).toContain(part)
})

test('addresses of media are signed afresh in every answer, on the same path', async () => {
  const client = await withInstagram({ postsPerProfile: 5 })
  const [post] = await client.state('posts')
  const read = () => client.read<Media>(`/v1/media/by/id?id=${post?.pk}`)
  const [first, second] = [
    new URL((await read()).thumbnail_url),
    new URL((await read()).thumbnail_url),
  ]
  expect(first.search).not.toBe(second.search)
  expect(first.origin + first.pathname).toBe(second.origin + second.pathname)
})

test('replies of a comment, page by page; counts include them', async () => {
  const client = await withInstagram({ postsPerProfile: 30, commentsPerPost: 60 })
  const rows = (await client.state('comments')).filter((row) => row.parent_pk !== null)
  const busy = rows.find((row) => rows.filter((one) => one.parent_pk === row.parent_pk).length > 8)
  const wanted = rows.filter((row) => row.parent_pk === busy?.parent_pk).map(({ pk }) => pk)
  type Page = {
    child_comments: Comment[]
    child_comment_count: number
    next_min_child_cursor?: string
  }
  const path = `/v2/media/comments/replies?media_id=${busy?.media_pk}&comment_id=${busy?.parent_pk}`
  const got: string[] = []
  let page = await client.read<Page>(path)
  for (;;) {
    got.push(...page.child_comments.map(({ pk }) => pk))
    const { next_min_child_cursor: cursor } = page
    if (cursor === undefined) break
    page = await client.read<Page>(`${path}&min_id=${encodeURIComponent(cursor)}`)
  }
  expect(got).toEqual(wanted)
  expect(page.child_comment_count).toBe(wanted.length)

  const media = await client.read<Media>(`/v1/media/by/id?id=${busy?.media_pk}`)
  const listed = (await client.state('comments')).filter((row) => row.media_pk === media.pk)
  expect(media.comment_count).toBe(listed.length)
  const wrong = await client.get(`${path.split('&')[0]}&comment_id=4611686018427387904`)
  expect(wrong.status).toBe(404)
})

test('likers, stories and highlights are what the state says', async () => {
  const client = await withInstagram({ highlights: 3, stories: 4 })
  const [liker] = await client.state('likers')
  const likers = (await client.state('likers')).filter((row) => row.of_pk === liker?.of_pk)
  const users = await client.read<User[]>(`/v1/media/likers?id=${liker?.of_pk}`)
  expect(users.map(({ id }) => id)).toEqual(likers.map((row) => row.user_pk))
  const raw = await client.read<{ users: User[] }>(`/v2/media/likers?id=${liker?.of_pk}`)
  expect(raw.users.map(({ id }) => id)).toEqual(users.map(({ id }) => id))

  const [story] = await client.state('stories')
  const mine = (await client.state('stories')).filter((row) => row.user_pk === story?.user_pk)
  const got = await client.read<Media[]>(`/v1/user/stories?user_id=${story?.user_pk}`)
  expect(got.map(({ pk }) => pk)).toEqual(mine.map(({ pk }) => pk))
  type Reel = { reel: { items: (Media & { expiring_at: number; taken_at: number })[] } | null }
  const { reel } = await client.read<Reel>(`/v2/user/stories?user_id=${story?.user_pk}`)
  expect(reel?.items.every((item) => item.expiring_at === item.taken_at + 86_400)).toBe(true)

  const [highlight] = await client.state('highlights')
  const list = await client.read<{ pk: string; items: unknown[] }[]>(
    `/v1/user/highlights?user_id=${highlight?.user_pk}`,
  )
  expect([list.length, list[0]?.items]).toEqual([3, []])
  type Items = { response: { reels: Record<string, { items: { id: string }[] }> } }
  const { response } = await client.read<Items>(`/v2/highlight/by/id?id=${highlight?.pk}`)
  const items = response.reels[`highlight:${highlight?.pk}`]?.items.map(
    ({ id }) => id.split('_')[0],
  )
  expect(items).toEqual(highlight?.item_pks)
})
