import { connect as connectSocket } from 'node:net'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { startHttp } from '../../src/http/server.ts'
import { createLog } from '../../src/log.ts'
import { parseSettings } from '../../src/settings.ts'
import { created, payload, problemIn, token, withDoor } from '../support/door.ts'
import { runProgram } from '../support/program.ts'

const authorization = `Bearer ${token}`

test('every error is a problem, and none makes an object or a job call', async () => {
  const { url, db, s3, post } = await withDoor()
  const path = `${url}/api/demo-import`
  const big = JSON.stringify({ ...payload, x: 'x'.repeat(1024 * 1024) })
  const cases: [status: number, asked: Promise<Response>][] = [
    [400, post('{"product":')],
    [400, post('')],
    [400, post({ product: { name: ' ' }, segments: [{ name: 's' }] })],
    [400, post({ product: { name: 'p' }, segments: [] })],
    [400, post('{"__proto__":{},"product":{"name":"p"},"segments":[{"name":"s"}]}')],
    [400, post(payload, { 'idempotency-key': 'ü'.repeat(2) })],
    [400, post(payload, { 'idempotency-key': 'k'.repeat(256) })],
    [400, fetch(`${url}/%zz`)],
    [401, post(payload, { authorization: 'Bearer no' })],
    [401, fetch(`${url}/api/nothing`)],
    [404, fetch(`${url}/nothing`)],
    [404, fetch(`${url}/api/nothing`, { headers: { authorization } })],
    [405, fetch(path, { headers: { authorization } })],
    [405, fetch(`${url}/healthz`, { method: 'DELETE' })],
    [413, post(big)],
    [415, post('a=b', { 'content-type': 'application/x-www-form-urlencoded' })],
    [415, post('text', { 'content-type': 'text/plain' })],
  ]
  for (const [n, [status, asked]] of cases.entries()) {
    const response = await asked
    expect([n, (await problemIn(response)).status]).toEqual([n, status])
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
    expect(response.headers.has('allow')).toBe(status === 405)
  }
  const { errors } = await problemIn(await post({ product: {}, segments: [{}, { name: 1 }] }))
  expect(errors?.map(({ path: at }) => at)).toEqual([
    '/product/name',
    '/segments/0/name',
    '/segments/1/name',
  ])
  expect(await db.selectFrom('ledger.job_calls').selectAll().execute()).toEqual([])
  expect(s3.log()).toEqual([])
})

test('a fault of ours is a 500 that tells nothing of itself; a database that is gone is a 503', async () => {
  const { post, db, database, url } = await withDoor()
  await created(await post(payload))
  await db.schema.alterTable('ledger.idempotency_keys').renameTo('elsewhere').execute()
  const bug = await post(payload, { 'idempotency-key': 'k' })
  const { status, detail } = await problemIn(bug)
  expect([status, detail]).toEqual([500, expect.not.stringMatching(/idempotency|relation|at /)])

  await database.close()
  const { pathname } = new URL(database.url)
  const admin = connect(database.url.replace(pathname, '/postgres'), { log: createLog('silent') })
  await admin.pool.query(`alter database ${pathname.slice(1)} with allow_connections false`)
  await admin.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${pathname.slice(1)}'`,
  )
  await admin.close()
  expect((await problemIn(await post(payload))).status).toBe(503)
  const ready = await problemIn(await fetch(`${url}/readyz`))
  expect(ready.detail).toBe('not reachable: database, queue')
  expect((await fetch(`${url}/healthz`)).status).toBe(200)
})

test('ready only with a storage that answers; a request keeps a sane id of its client', async () => {
  const { url, s3 } = await withDoor()
  const ready = await fetch(`${url}/readyz`, { headers: { 'x-request-id': 'mine-1' } })
  expect(ready.headers.get('x-request-id')).toBe('mine-1')
  expect(await ready.json()).toEqual({
    status: 'ready',
    checks: { database: 'ok', queue: 'ok', storage: 'ok' },
  })
  s3.fault('gone')
  expect((await problemIn(await fetch(`${url}/readyz`))).detail).toBe('not reachable: storage')
  const insane = await fetch(`${url}/healthz`, { headers: { 'x-request-id': 'a b"c' } })
  expect(insane.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
})

test('what is not HTTP is answered with a problem too', async () => {
  const { url } = await withDoor()
  for (const [said, status] of [
    ['hello\r\n\r\n', 400],
    [`GET / HTTP/1.1\r\nhost: x\r\nx: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  ] as const) {
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    socket.write(said)
    const answer = await text(socket)
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*application/problem\\+json`))
  }
})

test('without a token: loopback only, by its own name only', async () => {
  const { url, opened } = await withDoor({ API_TOKEN: '' })
  const send = async (path: string, host: string, header = 'x: y') => {
    const socket = connectSocket(Number(new URL(url).port), '127.0.0.1')
    socket.end(`POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${header}\r\nconnection: close\r\n\r\n`)
    return (await text(socket)).split(' ')[1]
  }
  expect(await send('/api/demo-import', 'localhost:3000')).toBe('400')
  expect(await send('/api/demo-import', 'evil.example')).toBe('401')
  expect(await send('/api/demo-import', '127.0.0.1.evil.example')).toBe('401')
  // Who puts a proxy in front has the world come by this machine's own name.
  for (const header of [
    'X-Forwarded-For: 203.0.113.9',
    'x-forwarded-host: ledger.example',
    'Forwarded: for=203.0.113.9',
    'X-Real-IP: 203.0.113.9',
    'Via: 1.1 proxy',
  ])
    expect(await send('/api/demo-import', '127.0.0.1:3000', header)).toBe('401')

  for (const HTTP_HOST of ['0.0.0.0', '::', '192.168.1.5', 'example.com']) {
    const settings = parseSettings({ HTTP_HOST, HTTP_PORT: '0' })
    await expect(startHttp({ ...opened, settings })).rejects.toMatchObject({
      kind: 'settings',
      message: expect.stringMatching(/^API_TOKEN: not set/),
    })
  }
  const inProduction = parseSettings({ NODE_ENV: 'production', HTTP_PORT: '0' })
  await expect(startHttp({ ...opened, settings: inProduction })).rejects.toMatchObject({
    kind: 'settings',
    message: 'API_TOKEN: not set; HTTP needs it with NODE_ENV=production',
  })
  const short = parseSettings({ NODE_ENV: 'production', HTTP_PORT: '0', API_TOKEN: 'too-short' })
  await expect(startHttp({ ...opened, settings: short })).rejects.toMatchObject({
    kind: 'settings',
    message: 'API_TOKEN: shorter than 16 characters, with NODE_ENV=production',
  })
})

test('npm start on an open address without a token: one clear line, exit 1', async () => {
  const { database } = await withDoor()
  const env = {
    DATABASE_URL: database.url,
    HTTP_HOST: '0.0.0.0',
    HTTP_PORT: '0',
    LOG_LEVEL: 'error',
  }
  const { code, output } = await runProgram('src/main.ts', [], env)
  expect(code).toBe(1)
  expect(output.split('\n')[0]).toBe(
    'API_TOKEN: not set; without it HTTP_HOST must be a loopback address',
  )
})

test('no token, key or address of ours in any answer', async () => {
  const { post, s3, database } = await withDoor()
  s3.fault('gone')
  const answers = [
    await post(payload),
    await post('{'),
    await post(payload, { authorization: 'x' }),
  ]
  const said = (await Promise.all(answers.map((one) => one.text()))).join('\n')
  for (const secret of [
    token,
    s3.env.MINIO_ENDPOINT,
    new URL(database.url).host,
    'S3RVER',
    ' at ',
  ]) {
    expect(said).not.toContain(secret)
  }
})
