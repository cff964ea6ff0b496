import { connect as connectTo, createServer, type AddressInfo, type Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { once } from 'node:events'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { watch } from '../../src/cli/ledger/watch.ts'
import type { Db } from '../../src/db/connect.ts'
import { createDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { until } from '../support/until.ts'

/** A call that runs, as far as the ledger knows, with one stream that has ten pages left. */
async function underWay(db: Db) {
  const { rows } = await sql<{ id: string }>`
    with made as (
      insert into ledger.job_calls (id, job, trigger, root_id, status, attempt, started_at, lease_token, lease_expires_at)
      select id, 'crm-contacts', 'cron', id, 'running', 1, clock_timestamp(), ledger.uuid_v7(), clock_timestamp() + interval '1 hour'
      from (select ledger.uuid_v7() as id) i returning id
    ), stream as (
      insert into ledger.service_calls (job_call_id, service, operation, subject, cursor, started_at)
      select id, 'amocrm', 'contacts', E'10..20 \u001b[2J', '{"from": 10, "to": 20, "pages": 10}', clock_timestamp() from made
    )
    select id from made`.execute(db)
  const id = rows[0]?.id ?? ''
  return {
    id,
    page: async () =>
      await sql`
        update ledger.service_calls set pages = pages + 1, rows_read = rows_read + 250, rows_inserted = rows_inserted + 250,
          updated_at = clock_timestamp() where job_call_id = ${id}`.execute(db),
    end: async () => {
      await sql`update ledger.service_calls set status = 'done', finished_at = clock_timestamp() where job_call_id = ${id}`.execute(
        db,
      )
      await sql`
        update ledger.job_calls set status = 'succeeded', finished_at = clock_timestamp(), lease_token = null, lease_expires_at = null
        where id = ${id}`.execute(db)
    },
  }
}

/** Passes connections on to the database, until it is cut. */
async function passingOn(url: string) {
  const { hostname, port: real } = new URL(url)
  const sockets = new Set<Socket>()
  const pass = (socket: Socket) => {
    const onwards = connectTo(Number(real), hostname)
    for (const [one, other] of [
      [socket, onwards],
      [onwards, socket],
    ] as const) {
      sockets.add(one)
      one.on('error', () => {}).on('close', () => other.destroy())
      one.pipe(other)
    }
  }
  let server = createServer(pass).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const cut = () => {
    server.close()
    for (const socket of sockets) socket.destroy()
    sockets.clear()
  }
  onTestFinished(cut)
  return {
    url: Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href,
    cut,
    async mend() {
      server = createServer(pass).listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
  }
}

test('without a terminal: a line a call at each look; the database may go and come back; Ctrl-C ends it', async () => {
  const { db, url } = await createDatabase()
  const way = await passingOn(url)
  const program = startProgram('src/cli/ledger.ts', ['watch', '--every', '1'], {
    DATABASE_URL: way.url,
  })
  const says = (text: string | RegExp) =>
    until(`it says ${text}`, () => new RegExp(text).test(program.stdout()))
  await says('nothing is under way')
  const call = await underWay(db)
  await says(`crm-contacts ${call.id}: running, 1 open stream\n`)
  await call.page()
  await says(/running, 1 open stream, 250 rows in them \([1-9]\d*\/s\)/)
  way.cut()
  await says('the database is away, tried again: ')
  await way.mend()
  await says('the database is back')
  await call.end()
  await until(
    'it says so again',
    () => program.stdout().match(/nothing is under way/g)?.length === 2,
  )
  program.child.kill('SIGINT')
  expect(await program.exited).toBe(0)
  // No escape sequence, neither ours nor one that came from outside.
  expect(program.stdout()).not.toContain('\u001b')
}, 60_000)

test('on a terminal: redrawn in place, as much as fits, and the terminal given back', async () => {
  const { db } = await createDatabase()
  const call = await underWay(db)
  const out = Object.assign(new PassThrough(), { isTTY: true, columns: 72, rows: 8 })
  let text = ''
  out.on('data', (chunk) => {
    text += String(chunk)
  })
  const watching = watch(db, { every: 1 }, out as unknown as NodeJS.WriteStream)
  const frames = () => text.split('\u001b[H').slice(1)
  await until('a frame', () => frames().length > 0)
  await call.page()
  const frame = await until('a rate', () => frames().find((one) => /250 +\d+ +10 pages/.test(one)))
  const [drawn = ''] = frame.replaceAll('\u001b[K', '').split('\u001b[J')
  const lines = drawn.trimEnd().split('\r\n')
  expect(lines.length).toBeLessThan(8)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(72)
  expect(lines[0]).toMatch(/^\d{4}-.*Z {2}1 job call: 1 running$/)
  expect(lines.join('\n')).toContain(call.id)
  // Who reads it goes away.
  out.emit('error', new Error('EPIPE'))
  await watching
  expect(text.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true)
  expect(text).toContain('\u001b[?25h\u001b[?1049l')
}, 60_000)
