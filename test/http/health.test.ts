import { expect, inject, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { onServer } from '../support/on-server.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

test('alive and ready; without its database alive but not ready, which is a problem', async () => {
  const { url } = await createDatabase()
  const name = new URL(url).pathname.slice(1)
  const server = startProgram('src/main.ts', ['--only', 'http'], {
    DATABASE_URL: url,
    HTTP_PORT: '0',
  })
  const base = await until(
    'it listens',
    () => /"(http:\/\/127\.0\.0\.1:\d+)"/.exec(server.output())?.[1],
  )
  for (const path of ['/healthz', '/readyz'])
    expect([path, (await fetch(`${base}${path}`)).status]).toEqual([path, 200])

  const missing = await fetch(`${base}/nothing`)
  expect([missing.status, typeOf(missing)]).toEqual([404, 'application/problem+json'])

  await onServer(inject('postgresUrl'), `alter database ${name} with allow_connections false`)
  await onServer(
    inject('postgresUrl'),
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
  )
  const gone = await fetch(`${base}/readyz`)
  expect([gone.status, typeOf(gone)]).toEqual([503, 'application/problem+json'])
  expect(await gone.json()).toMatchObject({ status: 503, title: 'Service Unavailable' })
  expect((await fetch(`${base}/healthz`)).status).toBe(200)

  await onServer(inject('postgresUrl'), `alter database ${name} with allow_connections true`)
  expect((await fetch(`${base}/readyz`)).status).toBe(200)
  server.child.kill('SIGTERM')
  expect(await server.exited).toBe(0)
})

const typeOf = (answer: Response) => answer.headers.get('content-type')?.split(';', 1)[0]
