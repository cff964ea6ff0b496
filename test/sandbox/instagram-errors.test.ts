import { expect, test } from 'vitest'
import { type Instagram, withInstagram } from './with-instagram.ts'

async function busy(client: Instagram) {
  const profiles = await client.state('profiles')
  const found = profiles.find((row) => row.status === 'public' && row.media_count > 24)
  if (found === undefined) throw new Error('nobody has enough posts')
  return found
}

const medias = '/v1/user/medias/chunk?user_id='

test('a missing or wrong key is a 401, before anything else', async () => {
  const client = await withInstagram({ balance: 0 })
  expect((await client.get('/v1/user/by/id?id=1', 'wrong')).status).toBe(401)
  const bare = await fetch(`${client.sandbox.baseUrls.instagram}/v1/user/by/id?id=1`)
  expect(bare.status).toBe(401)
  await client.settings({ accessKey: 'own', balance: 5 })
  expect((await client.get('/v1/user/by/id?id=1', 'own')).status).toBe(404)
})

test('422 names what is missing or no id; 404 unknown paths; 405 other methods', async () => {
  const client = await withInstagram()
  const missing = await client.get('/v2/media/comments/replies?media_id=abc')
  expect(missing.status).toBe(422)
  expect(JSON.parse(await missing.text())).toEqual({
    detail: [
      { loc: ['query', 'media_id'], msg: expect.any(String), type: 'int_parsing' },
      { loc: ['query', 'comment_id'], msg: 'Field required', type: 'missing' },
    ],
  })
  expect((await client.get('/v1/nothing')).status).toBe(404)
  const { instagram } = client.sandbox.baseUrls
  const headers = { 'x-access-key': 'sandbox-key' }
  const posted = await fetch(`${instagram}/sys/balance`, { method: 'POST', headers })
  expect(posted.status).toBe(405)
})

test('429 over so many in any second; refused ones cost nothing', async () => {
  const client = await withInstagram({ perSecond: 15 })
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async () => (await client.get('/v1/user/by/id?id=1')).status),
  )
  expect(statuses.filter((status) => status === 429).length).toBe(5)
  await new Promise((resolve) => setTimeout(resolve, 1050))
  const balance = await client.read<{ requests: number }>('/sys/balance')
  expect(balance.requests).toBe(10_000_000 - 15)
})

test('charged by the header, 402 when nothing is left', async () => {
  const client = await withInstagram({ balance: 7, stories: 1 })
  const { pk, username } = await busy(client)
  const costs: (string | null)[] = []
  for (const path of [
    `/v1/user/by/username?username=${username}`,
    '/v1/user/by/id?id=1',
    '/v1/user/by/id',
    `/v1/user/stories?user_id=${pk}`,
    `/v1/user/stories?user_id=${pk}&force=on`,
    '/sys/balance',
  ]) {
    costs.push((await client.get(path)).headers.get('x-hiker-info'))
  }
  expect(costs).toEqual(['reqs=1', 'reqs=1', null, 'reqs=2', 'reqs=1', null])
  expect((await client.get(medias + pk)).status).toBe(200)
  expect((await client.get(`/v2/user/stories?user_id=${pk}`)).status).toBe(402)
  expect((await client.get(medias + pk)).status).toBe(200)
  expect((await client.get(medias + pk)).status).toBe(402)
  await client.settings({ balance: 100 })
  expect((await client.get(medias + pk)).status).toBe(200)
})

test('keys and tokens are neither logged nor shown', async () => {
  const client = await withInstagram()
  await client.settings({
    accessKey: 'secret-one',
    graphTokens: [{ token: 'secret-two' }, { token: 'secret-three', state: 'expired' }],
  })
  await client.get('/v1/user/by/id?id=1', 'secret-one')
  const { graph } = client.sandbox.baseUrls
  await fetch(`${graph}/v25.0/me/accounts?access_token=secret-two&limit=5`)
  await fetch(`${graph}/v25.0/me/accounts?fields=id&access%5Ftoken=secret-three`)
  await client.fault({ kind: 'status', status: 400, match: 'secret', times: null })
  for (const path of ['/log', '/stats', '/instagram/settings', '/instagram/faults']) {
    expect((await client.admin('GET', path)).text.replace('"match":"secret"', '')).not.toContain(
      'secret',
    )
  }
  const page = await (await fetch(client.sandbox.url)).text()
  expect(page).not.toContain('secret')
  const { text } = await client.admin('GET', '/log')
  expect(text).toContain('limit=5')
})

test('reset brings back world, settings, faults', async () => {
  const client = await withInstagram({ postsPerProfile: 5 })
  const { text } = await client.admin('GET', '/instagram/state')
  await client.change({ op: 'newPost', count: 5 }, { op: 'deletePost', count: 5 })
  await client.fault({ kind: 'status', status: 500, times: null })
  await client.settings({ perSecond: 1, accessKey: 'own' })
  expect((await client.admin('GET', '/instagram/state')).text).not.toBe(text)
  await client.admin('POST', '/reset')
  expect((await client.admin('GET', '/instagram/state')).text).toBe(text)
  expect((await client.get('/sys/balance')).status).toBe(200)
  expect((await client.admin('GET', '/instagram/faults')).text).toBe('[]')
  expect((await client.admin('POST', '/instagram/faults', [{ kind: 'flood' }])).status).toBe(400)
})
