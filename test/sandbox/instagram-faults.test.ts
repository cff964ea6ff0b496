import { expect, test } from 'vitest'
import { lists, slice } from './instagram-paging.ts'
import { type Instagram, type Media, read, withInstagram } from './with-instagram.ts'

async function busy(client: Instagram) {
  const profiles = await client.state('profiles')
  const found = profiles.find((row) => row.status === 'public' && row.media_count > 24)
  if (found === undefined) throw new Error('nobody has enough posts')
  return found
}

const medias = '/v1/user/medias/chunk?user_id='

test('faults come in order, as often as asked, on what they match', async () => {
  const client = await withInstagram({ postsPerProfile: 30 })
  const { pk } = await busy(client)
  await client.fault(
    { kind: 'status', status: 429, times: 2, match: 'medias' },
    {
      kind: 'status',
      status: 503,
      body: 'html',
      retryAfter: 3,
      match: '/instagram/v1/user/medias',
    },
    { kind: 'goneMedia', match: 'by/id' },
  )
  const statuses: number[] = []
  for (let n = 0; n < 4; n++) statuses.push((await client.get(medias + pk)).status)
  expect(statuses).toEqual([429, 429, 503, 200])
  const [post] = await client.state('posts', pk)
  expect((await client.get(`/v1/media/by/id?id=${post?.pk}`)).status).toBe(404)
  expect((await client.get(`/v1/media/by/id?id=${post?.pk}`)).status).toBe(200)
})

test('repeated cursor, empty page in mid-list, refused cursor', async () => {
  const client = await withInstagram({ postsPerProfile: 40, commentsPerPost: 40, followers: 120 })
  const { pk } = await busy(client)
  const post = (await client.state('posts', pk)).find((row) => row.comment_count > 30)
  for (const list of ['feed', 'followers', 'comments', 'rawComments'] as const) {
    const owner = list.endsWith('omments') ? (post?.pk ?? '') : pk
    const first = await slice(client, list, owner, null)
    await client.fault({ kind: 'repeatCursor' })
    expect((await slice(client, list, owner, first?.next ?? ''))?.next).toBe(first?.next)

    await client.fault({ kind: 'emptyPage' })
    const empty = await slice(client, list, owner, first?.next ?? '')
    expect(empty?.pks).toEqual([])
    expect(empty?.next).not.toBe(first?.next)
    const onward = await slice(client, list, owner, empty?.next ?? '')
    expect(onward?.pks).toEqual((await slice(client, list, owner, first?.next ?? ''))?.pks)

    await client.fault({ kind: 'cursorRefused', match: lists[list].cursor })
    await expect(slice(client, list, owner, first?.next ?? '')).rejects.toThrow('400')
  }
})

test('fail, html, truncate, reset, hang, invalidJson, slow', async () => {
  const client = await withInstagram({ postsPerProfile: 30 })
  const { pk } = await busy(client)
  await client.fault({ kind: 'fail' }, { kind: 'fail' })
  expect(await read(await client.get(`/v2/user/clips?user_id=${pk}`))).toMatchObject({
    response: { status: 'fail' },
    next_page_id: null,
  })
  expect(await read(await client.get(`/v2/user/stories?user_id=${pk}`))).toMatchObject({
    status: 'fail',
  })
  await client.fault({ kind: 'html' })
  expect(await (await client.get(medias + pk)).text()).toMatch(/^<!DOCTYPE/)
  await client.fault({ kind: 'truncate' })
  await expect((await client.get(medias + pk)).text()).rejects.toThrow('terminated')
  await client.fault({ kind: 'reset' })
  await expect(client.get(medias + pk)).rejects.toThrow('fetch failed')
  await client.fault({ kind: 'invalidJson' })
  const invalid = await (await client.get(medias + pk)).text()
  expect(() => JSON.parse(invalid)).toThrow(SyntaxError)
  await client.fault({ kind: 'hang' })
  const url = `${client.sandbox.baseUrls.instagram}${medias}${pk}`
  const headers = { 'x-access-key': 'sandbox-key' }
  await expect(fetch(url, { headers, signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout')
  await client.fault({ kind: 'slow', ms: 80 })
  const start = performance.now()
  await client.get(medias + pk)
  expect(performance.now() - start).toBeGreaterThan(75)
})

test('bad records, the others untouched', async () => {
  const client = await withInstagram({ postsPerProfile: 30 })
  const { pk } = await busy(client)
  const how = ['idWord', 'noId', 'nullRecord', 'nulCharacter', 'noUser', 'countWord']
  await client.fault({ kind: 'badRecord', records: [0, 1, 2, 3, 4, 5], how })
  const [media] = await client.read<[Media[]]>(medias + pk)
  expect(media[0]?.id).toBe('not-a-number')
  expect(media[1]).not.toHaveProperty('pk')
  expect(media[2]).toBeNull()
  expect(media[3]?.caption_text).toContain('\u0000')
  expect(media[4]).not.toHaveProperty('user')
  expect(media[5]?.like_count).toBe('many')
  const healthy = (await client.read<[Media[]]>(medias + pk))[0]
  expect(media.slice(6).map((one) => one.pk)).toEqual(healthy.slice(6).map((one) => one.pk))
})
