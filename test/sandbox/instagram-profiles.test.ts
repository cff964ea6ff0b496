import { expect, test } from 'vitest'
import { type User, withInstagram } from './with-instagram.ts'

test('profiles: private, gone and renamed ones', async () => {
  const client = await withInstagram({ profiles: 100, privatePercent: 7, gonePercent: 3 })
  const profiles = await client.state('profiles')
  const of = (status: string) => profiles.filter((row) => row.status === status)
  expect([of('private').length, of('gone').length]).toEqual([7, 3])

  const hidden = of('private')[0]
  const found = await client.read<User>(`/v1/user/by/username?username=${hidden?.username}`)
  expect(found).toMatchObject({ id: hidden?.pk, is_private: true })
  const lists = ['/v1/user/medias/chunk', '/v2/user/followers', '/v1/user/stories']
  for (const path of lists) {
    const response = await client.get(`${path}?user_id=${hidden?.pk}`)
    expect([response.status, await response.text()]).toEqual([
      403,
      expect.stringContaining('PrivateAccount'),
    ])
  }
  const gone = of('gone')[0]
  for (const query of [`username?username=${gone?.username}`, `id?id=${gone?.pk}`]) {
    const response = await client.get(`/v1/user/by/${query}`)
    expect([response.status, await response.text()]).toEqual([
      404,
      expect.stringContaining('UserNotFound'),
    ])
  }
  const renamed = profiles.find((row) => row.former_username !== null)
  const old = await client.get(`/v2/user/by/username?username=${renamed?.former_username}`)
  expect(old.status).toBe(404)
  const now = await client.read<{ user: User }>(
    `/v2/user/by/username?username=${renamed?.username}`,
  )
  expect(now.user.id).toBe(renamed?.pk)
})
