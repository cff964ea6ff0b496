import { connect } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import { queueCall } from '../engine/support/calls.ts'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'
import { cookieOf, servePage, token } from './support/served.ts'

const newsSchema = z.object({
  title: z.string(),
  order: z.array(z.string()),
  parts: z.record(z.string(), z.string()),
})

/** Listens as a browser does; answers what was said so far, and whether it has ended. */
async function listen(address: string, cookie: string) {
  const answer = await fetch(address, { headers: { cookie, accept: 'text/event-stream' } })
  if (!answer.ok || !answer.body) throw new Error(`${address}: ${answer.status}`)
  const heard = { text: '', ended: false, type: answer.headers.get('content-type') }
  void (async (body: AsyncIterable<Uint8Array>) => {
    for await (const bytes of body) heard.text += Buffer.from(bytes).toString()
    heard.ended = true
  })(answer.body)
  const news = () =>
    [...heard.text.matchAll(/^data: (.*)\n\n/gm)].map(([, data = '']) =>
      newsSchema.parse(JSON.parse(data)),
    )
  return { heard, news }
}

test('who looks hears of what changes, of that alone, and of a new job in its place', async () => {
  const { url, db } = await servePage()
  const cookie = await cookieOf(url)
  const [one, other] = [await listen(`${url}/live`, cookie), await listen(`${url}/live`, cookie)]
  expect(one.heard.type).toBe('text/event-stream')
  const [first] = await until('the first news', () => one.news().length > 0 && one.news())
  expect(first?.order).toContain('job-crm-contacts')
  expect(Object.keys(first?.parts ?? {})).toEqual(first?.order)
  await until('nothing more is to be said', async () => {
    const count = one.news().length
    await setTimeout(1500)
    return one.news().length === count
  })
  const before = one.news().length
  await queueCall(db, 'a-job')
  const next = await until('news of the call', () => one.news()[before])
  expect(next.order.indexOf('job-a-job')).toBe(1)
  expect(Object.keys(next.parts)).toEqual(['summary', 'job-a-job'])
  expect(next.parts['job-a-job']).toContain('class="call queued"')
  await until('the other one heard it too', () => other.heard.text.includes('job-a-job'))
})

test('a server that stops does not wait for those who look', async () => {
  const { url, http } = await servePage()
  const { heard } = await listen(`${url}/live`, await cookieOf(url))
  const begun = performance.now()
  await http.close()
  // Far sooner than it would cut them off.
  expect(performance.now() - begun).toBeLessThan(10_000)
  await until('the stream ends', () => heard.ended)
})

test('without a session there is no stream; of what is not there neither', async () => {
  const { url } = await servePage()
  const ask = async (path: string, cookie: string) =>
    (await fetch(`${url}${path}`, { headers: { cookie, accept: 'text/event-stream' } })).status
  const id = '01a205d4-6f68-7448-afb9-2fe0a02b6708'
  const cookie = await cookieOf(url)
  expect([await ask('/live', ''), await ask(`/calls/${id}/live`, '')]).toEqual([401, 401])
  expect(await ask(`/calls/${id}/live`, cookie)).toBe(404)
})

test('nor for a page that hangs on a lock, whether it was open before or comes just then', async () => {
  const { url, http, db } = await servePage()
  const cookie = await cookieOf(url)
  const { heard } = await listen(`${url}/live`, cookie)
  await until('it is open', () => heard.text !== '')
  const release = Promise.withResolvers<void>()
  onTestFinished(() => release.resolve())
  const locked = Promise.withResolvers<void>()
  const lock = db.transaction().execute(async (trx) => {
    await sql`set local idle_in_transaction_session_timeout = 0`.execute(trx)
    await sql`lock table ledger.job_calls in access exclusive mode`.execute(trx)
    locked.resolve()
    await release.promise
  })
  await locked.promise
  const late = fetch(`${url}/live`, { headers: { cookie, accept: 'text/event-stream' } })
  await until('both hang', async () => {
    const { rows } =
      await sql`select from pg_locks where relation = 'ledger.job_calls'::regclass and not granted`.execute(
        db,
      )
    return rows.length >= 2
  })
  let isClosed = false
  const closing = http.close().then(() => (isClosed = true))
  // The lock is held until it has closed: a server that waited for it would never get there.
  await until('it is closed', () => isClosed, 14_000)
  expect((await late).status).toBe(503)
  release.resolve()
  await Promise.all([lock, closing])
}, 60_000)

test('for browsers that went before anything was said nothing is read, and no process stays up', async () => {
  const { url: database, db } = await createDatabase()
  const env = { DATABASE_URL: database, HTTP_PORT: '0', API_TOKEN: token }
  const server = startProgram('src/main.ts', ['--only', 'http'], env)
  const base = await until(
    'it listens',
    () => /"(http:\/\/127\.0\.0\.1:\d+)"/.exec(server.output())?.[1],
  )
  const cookie = await cookieOf(base)
  const { host, hostname, port } = new URL(base)
  for (let n = 0; n < 20; n++) {
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    socket.write(`GET /live HTTP/1.1\r\nhost: ${host}\r\ncookie: ${cookie}\r\n\r\n`)
    await setTimeout(n)
    socket.destroy()
  }
  // Whoever still read the page would find no view, each second, and say so.
  await sql`alter view ledger.job_states rename to elsewhere`.execute(db)
  await setTimeout(2500)
  const said = server.output().split('could not be kept up to date').length - 1
  // The last of them may have been at it.
  expect(said).toBeLessThanOrEqual(1)
  server.child.kill('SIGTERM')
  const code = await Promise.race([server.exited, setTimeout(30_000, 'still there')])
  expect(code).toBe(0)
})
