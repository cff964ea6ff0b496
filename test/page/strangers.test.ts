import { expect, test } from 'vitest'
import { callOf, queueCall } from '../engine/support/calls.ts'
import { cookieOf, servePage, token } from './support/served.ts'
import { writeCalls } from './support/ledger.ts'

const read = (url: string, headers: Record<string, string> = {}) =>
  fetch(url, { headers, redirect: 'manual' })

test('a stranger is led to the login and sees nothing of the ledger', async () => {
  const { url, db } = await servePage()
  await writeCalls(db, 1, 2)
  const page = await read(`${url}/?calls=3`)
  expect([page.status, page.headers.get('location')]).toEqual([303, '/login?next=%2F%3Fcalls%3D3'])
  expect(await page.text()).toBe('')
  const login = await (await read(`${url}/login`)).text()
  expect(login).toContain('name="token"')
  expect(login).not.toContain('job-01')
  expect((await read(`${url}/live`, { accept: 'text/event-stream' })).status).toBe(401)
  for (const cookie of [
    'nightledger_session=',
    'nightledger_session=x',
    `nightledger_session=${token}`,
  ])
    expect((await read(url, { cookie })).status).toBe(303)
  // From another site, where the cookie stays at home: once more from here.
  const link = await read(url, { 'sec-fetch-site': 'cross-site' })
  expect([link.status, await link.text()]).toEqual([
    401,
    expect.stringContaining('http-equiv="refresh"'),
  ])
})

test('no page and no button is open to a stranger, and none stands in the API', async () => {
  const { url, db } = await servePage()
  const id = await queueCall(db, 'crm-contacts')
  const pages = ['/', '/jobs/crm-contacts', `/calls/${id}`, '/upstreams', '/actions']
  for (const path of pages) {
    expect([path, (await read(`${url}${path}`)).status]).toEqual([path, 303])
    const news = await read(`${url}${path.replace(/\/$/, '')}/live`, {
      accept: 'text/event-stream',
    })
    expect([path, news.status]).toEqual([path, 401])
  }
  const buttons = [
    [`/calls/${id}`, { do: 'cancel' }],
    ['/jobs/crm-contacts', { do: 'pause' }],
    ['/jobs/replay/run', {}],
    ['/upstreams', { unblock: 'amocrm' }],
    ['/logout', {}],
  ] as const
  for (const [path, fields] of buttons) {
    // The token of the API opens no button, nor does a form that somebody made up.
    const headers = { authorization: `Bearer ${token}`, cookie: 'nightledger_session=made-up' }
    const body = new URLSearchParams({ ...fields, form_token: 'made-up' })
    const answer = await fetch(`${url}${path}`, { method: 'POST', headers, body })
    const text = await answer.text()
    expect([path, answer.status, text.includes(id)]).toEqual([path, 401, false])
  }
  expect((await callOf(db, id)).status).toBe('queued')
  for (const table of ['ledger.actions', 'ledger.schedules', 'ledger.page_sessions'] as const)
    expect(await db.selectFrom(table).selectAll().execute()).toEqual([])
  const described = await (await read(`${url}/openapi.json`)).text()
  for (const path of ['/calls/', '/login', '/live']) expect(described).not.toContain(path)
})

test('the token opens a session that scripts cannot read, that ends, and that another token ends', async () => {
  const { url, db, database } = await servePage()
  const post = (form: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${url}/login`, {
      method: 'POST',
      body: new URLSearchParams(form),
      headers,
      redirect: 'manual',
    })
  for (const form of [{}, { name: 'anna' }, { name: 'anna', token: 'no' }, { name: ' ', token }]) {
    const refused = await post(form)
    expect([refused.status, refused.headers.get('set-cookie')]).toEqual([401, null])
  }
  expect((await post({ name: 'anna', token }, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
  for (const next of [
    '//evil.example',
    '/\\evil.example',
    '/.//evil.example',
    'https://evil.example',
  ])
    expect((await post({ name: 'anna', token, next })).headers.get('location')).toBe('/')
  const opened = await post({ name: 'anna', token, next: '/upstreams?x=1' })
  expect(opened.headers.get('location')).toBe('/upstreams?x=1')
  const set = opened.headers.get('set-cookie') ?? ''
  expect(set).toMatch(/; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/)
  const secure = await post({ name: 'anna', token }, { 'x-forwarded-proto': 'https' })
  expect(secure.headers.get('set-cookie')).toContain('; Secure')

  const cookie = set.split(';', 1)[0] ?? ''
  const page = await read(url, { cookie })
  expect(page.status).toBe(200)
  expect(await page.text()).not.toContain(token)
  expect(page.headers.get('content-security-policy')).toMatch(
    /^default-src 'none'; script-src 'self'; style-src 'self';/,
  )
  expect(page.headers.get('cache-control')).toBe('no-store')

  const rotated = await servePage({ API_TOKEN: 'another-token' }, database)
  expect((await read(rotated.url, { cookie })).status).toBe(303)
  await db
    .updateTable('ledger.page_sessions')
    .set({ expires_at: new Date(0) })
    .execute()
  expect((await read(url, { cookie })).status).toBe(303)
})

test('nothing is done without the form of the session', async () => {
  const { url } = await servePage()
  const [anna, boris] = [await cookieOf(url), await cookieOf(url, 'boris')]
  const formToken = async (cookie: string) =>
    /name="form_token" value="([^"]+)"/.exec(await (await read(url, { cookie })).text())?.[1] ?? ''
  const logout = async (cookie: string, form_token: string) =>
    (
      await fetch(`${url}/logout`, {
        method: 'POST',
        headers: { cookie },
        body: new URLSearchParams({ form_token }),
        redirect: 'manual',
      })
    ).status
  expect(await logout('', await formToken(anna))).toBe(401)
  expect(await logout(anna, '')).toBe(403)
  expect(await logout(anna, await formToken(boris))).toBe(403)
  expect(await logout(anna, await formToken(anna))).toBe(303)
  expect((await read(url, { cookie: anna })).status).toBe(303)
  expect((await read(url, { cookie: boris })).status).toBe(200)
})

test('without a token this machine alone is served, by its own name', async () => {
  const { url } = await servePage({ API_TOKEN: '' })
  const page = await read(url)
  expect([page.status, page.headers.get('set-cookie')]).toEqual([
    200,
    expect.stringContaining('HttpOnly'),
  ])
  const { port } = new URL(url)
  const { request } = await import('node:http')
  const status = await new Promise((resolve) => {
    request(url, { headers: { host: `evil.example:${port}` } }, ({ statusCode }) =>
      resolve(statusCode),
    ).end()
  })
  expect(status).toBe(401)
  expect((await read(url, { 'sec-fetch-site': 'cross-site' })).headers.get('set-cookie')).toBeNull()
})

test('who tries many tokens is told to wait, even with the right one', async () => {
  const { url } = await servePage()
  const tryOne = async (guess: string) =>
    await fetch(`${url}/login`, {
      method: 'POST',
      body: new URLSearchParams({ name: 'anna', token: guess }),
      redirect: 'manual',
    })
  const statuses: number[] = []
  for (let n = 0; n < 21; n++) statuses.push((await tryOne(`guess ${n}`)).status)
  expect(statuses).toEqual([...Array.from({ length: 20 }, () => 401), 429])
  const right = await tryOne(token)
  expect([right.status, right.headers.get('retry-after')]).toEqual([429, '60'])
})
