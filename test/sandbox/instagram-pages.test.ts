import { expect, test } from 'vitest'
import { owners, slice } from './instagram-paging.ts'
import { withInstagram } from './with-instagram.ts'

test('a wrong parameter name silently gives page 1; a wrong cursor is a 400', async () => {
  const client = await withInstagram({ postsPerProfile: 30 })
  const [owner = '', other = ''] = await owners(client, 'feed')
  const first = await slice(client, 'feed', owner, null)
  const wrongName = await client.read<[unknown[]]>(
    `/v1/user/medias/chunk?user_id=${owner}&page_id=${first?.next}`,
  )
  expect(wrongName[0]).toMatchObject(first?.pks.map((pk) => ({ pk })) ?? [])
  const theirs = await slice(client, 'feed', other, null)
  for (const cursor of ['nonsense', 'QVFDnonsense==', theirs?.next ?? '']) {
    const path = `/v1/user/medias/chunk?user_id=${owner}&end_cursor=${cursor}`
    expect((await client.get(path)).status).toBe(400)
  }
})

test('12 media and 15 comments a page', async () => {
  const client = await withInstagram({ postsPerProfile: 30, commentsPerPost: 40, clipsOnly: 1 })
  for (const [list, size] of [
    ['feed', 12],
    ['rawClips', 12],
    ['comments', 15],
    ['rawComments', 15],
  ] as const) {
    const [owner = ''] = await owners(client, list)
    expect((await slice(client, list, owner, null))?.pks.length).toBe(size)
  }
})
