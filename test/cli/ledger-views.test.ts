import { hostname } from 'node:os'
import { sql } from 'kysely'
import { beforeAll, expect, inject, test } from 'vitest'
import { connect, type Connection } from '../../src/db/connect.ts'
import { createLog } from '../../src/log.ts'
import { createEventfulLedger } from './support/eventful-ledger.ts'
import { runToEnd } from './support/run-to-end.ts'

let url = ''
let connection: Connection

beforeAll(async () => {
  const made = await createEventfulLedger(inject('postgresUrl'), inject('template'))
  url = made.url
  connection = connect(url, { log: createLog('error'), max: 2 })
  return async () => {
    await connection.close()
    await made.drop()
  }
})

async function ledger(...args: string[]) {
  const { code, output } = await runToEnd('src/cli/ledger.ts', args, { DATABASE_URL: url })
  return { code, output, lines: output.split('\n').filter(Boolean) }
}

async function idOf(where: string): Promise<string> {
  const { rows } = await sql<{
    id: string
  }>`select id from ledger.job_calls where ${sql.raw(where)}`.execute(connection.db)
  return rows[0]?.id ?? ''
}

test('runs: a line a call, newest first, ticks before them; by job and status; no escape codes', async () => {
  const all = await ledger('runs')
  expect(all.code).toBe(0)
  expect(all.output).not.toContain('\u001b')
  expect(all.lines[0]).toMatch(
    /^id +job +trigger +subject +status +attempt +started +took +pages +requests +read/,
  )
  expect(all.lines[1]).toMatch(/^\(tick\) +crm-contacts +cron +queued/)
  const statuses = all.lines
    .slice(1)
    .map((line) => /queued|waiting|cancelled|failed|running|succeeded/.exec(line)?.[0])
  expect(new Set(statuses)).toEqual(
    new Set(['cancelled', 'failed', 'queued', 'running', 'succeeded', 'waiting']),
  )
  const done = all.lines.find((line) => line.includes('succeeded'))
  expect(done).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4} +crm-contacts +cli +succeeded +1 +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +[\d.]+ m?s +\d+ +\d+ +\d+ +\d+ +0 +\d+ +[24]$/,
  )
  expect(all.lines.find((line) => line.endsWith('unauthorized'))).toContain('failed')

  const children = await ledger('runs', '--job', 'profile')
  expect(children.lines).toHaveLength(3)
  const failed = await ledger('runs', '--status', 'failed', '--children', '--limit', '2')
  expect(new Set(failed.lines.slice(1).map((line) => line.split(/ +/)[1]))).toEqual(
    new Set(['profile', 'profiles']),
  )
  expect((await ledger('runs', '--job', 'nope')).output).toBe('no runs\n')
})

test('show: sums, streams, parents, children, rejects, error with its hint; by the beginning of an id', async () => {
  const done = await ledger(
    'show',
    (await idOf("status = 'succeeded' and job = 'crm-contacts'")).slice(0, 13),
  )
  expect(done.output).toMatch(/^status +succeeded, attempt 1$/m)
  expect(done.output).toMatch(/^asked +\d+ requests \(1 retry\), \d+ pages/m)
  expect(done.output).toMatch(/^\d+ streams\nservice +operation/m)
  expect(done.output).toMatch(/^[24] rejects\nrecords +still +entity +reason +for example/m)

  const refused = await ledger('show', await idOf("error ->> 'kind' = 'unauthorized'"))
  expect(refused.output).toMatch(/^error +unauthorized: GET \/api\/v4\/\w+: 401/m)
  expect(refused.output).toMatch(/^hint +check AMOCRM_ACCESS_TOKEN/m)

  const parent = await ledger('show', await idOf("job = 'profiles'"))
  expect(parent.output).toMatch(
    /^2 child calls: 1 failed, 1 succeeded\n.*\n\S+ +profile +anna +failed +1 .* no such profile$/m,
  )
  const child = await ledger('show', await idOf("subject = 'anna'"))
  expect(child.output).toMatch(
    /^stands under\njob call +job +subject +status\n\S+ +profiles +failed$/m,
  )

  const gone = await ledger('show', await idOf("status = 'running'"))
  expect(gone.output).toMatch(/^worker +gone:1:abc, which is gone: its lease ran out .* ago$/m)
  expect(gone.output).toContain('{"page":4}')
})

test('show takes the id of a service call, and refuses what is no id, unknown or not unique', async () => {
  const { rows } = await sql<{ id: string; job_call_id: string }>`
    select id, job_call_id from ledger.service_calls where service = 'instagram'`.execute(
    connection.db,
  )
  const byStream = await ledger('show', rows[0]?.id ?? '')
  expect(byStream.lines[0]).toBe(`job call      ${rows[0]?.job_call_id}`)

  const unknown = '01a2046c-0000-7000-8000-000000000000'
  for (const [id, line] of [
    ["'; drop table x", 'an id was expected'],
    ['01a2', 'an id was expected'],
    [unknown, `there is no job call ${unknown}`],
    [(await idOf("subject = 'anna'")).slice(0, 8), 'several job calls begin with'],
  ] as const) {
    const answer = await ledger('show', id)
    expect([answer.code, answer.lines.length, answer.lines[0]]).toEqual([
      2,
      2,
      expect.stringContaining(line),
    ])
  }
})

test('open, freshness, usage', async () => {
  const open = await ledger('open')
  expect(open.output).toMatch(
    /crm-contacts +running +amocrm +contacts +0\.\.1700000000 +3 +3 +750 .*\{"page":4\}/,
  )
  const freshness = await ledger('freshness')
  expect(freshness.lines[1]).toMatch(/^crm-contacts +on +\d{4}-\S+Z +\S+ \S+ +(failed|cancelled) /)
  const usage = await ledger('usage')
  expect(usage.lines[1]).toMatch(/^\S+T\d\d:00:00Z +amocrm +\d+ +1 +1 /)
})

test('unblock names the accounts, and wrong services are refused', async () => {
  await sql`insert into ledger.breakers (service, account, reason, opened_by) values ('amocrm', 'demo.amocrm.ru', '403, <html>', 'desk:7')`.execute(
    connection.db,
  )
  expect((await ledger('usage')).output).toMatch(
    /blocked: .*\n.*\namocrm +demo\.amocrm\.ru +\S+ +desk:7 +403, <html>/,
  )
  const opened = await ledger('unblock', 'amocrm')
  expect([opened.code, opened.lines[0]]).toEqual([0, 'amocrm may be called again: demo.amocrm.ru'])
  expect((await ledger('unblock', 'amocrm')).output).toBe('amocrm was not blocked\n')
  const wrong = await ledger('unblock', 'amo')
  expect([wrong.code, wrong.lines.length]).toEqual([2, 1])
})

test('resume queues a failed call, cancel ends it; both say what they did, and refuse what is over', async () => {
  const id = await idOf("job = 'profile' and subject = 'anna'")
  await sql`update ledger.workers set heartbeat_at = now()`.execute(connection.db)
  const queued = await ledger('resume', id)
  expect([queued.code, queued.output]).toEqual([
    0,
    `profile ${id} is queued: a worker takes it up\n`,
  ])
  const { rows } =
    await sql`select key from graphile_worker.jobs where key = ${`call:${id}`}`.execute(
      connection.db,
    )
  expect(rows).toHaveLength(1)

  const cancelled = await ledger('cancel', id)
  expect([cancelled.code, cancelled.output]).toEqual([
    0,
    `profile ${id}: 1 call cancelled, 0 stopping\n`,
  ])
  const call = await sql<{ status: string; by: string }>`
    select status, cancel_requested_by as by from ledger.job_calls where id = ${id}`.execute(
    connection.db,
  )
  expect(call.rows[0]).toMatchObject({
    status: 'cancelled',
    by: expect.stringMatching(new RegExp(`^\\S+@${hostname()}$`)),
  })
  expect((await ledger('cancel', id)).code).toBe(2)

  await sql`update ledger.workers set stopped_at = now()`.execute(connection.db)
  const alone = await ledger('resume', id)
  expect(alone.output).toContain(
    `no worker lives: npm start starts one, or npm run job -- --resume ${id} runs it now`,
  )
  const over = await ledger('resume', await idOf("status = 'succeeded' and job = 'crm-contacts'"))
  expect([over.code, over.lines.length]).toEqual([2, 1])
})

test('a call that runs elsewhere: cancel says that it is stopping, resume that it is held', async () => {
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, lease_token, lease_expires_at, worker)
    select id, id, 'crm-contacts', 'cli', 'companies 9', 'running', 1, now(), gen_random_uuid(), now() + interval '1 minute', 'desk:9:abc'
    from (select ledger.uuid_v7() as id) new`.execute(connection.db)
  const id = await idOf("subject = 'companies 9'")
  const held = await ledger('resume', id)
  expect([held.code, held.lines[0]]).toEqual([
    1,
    `crm-contacts: job call ${id} is running in desk:9:abc`,
  ])
  const stopping = await ledger('cancel', id)
  expect([stopping.code, stopping.lines[0]]).toEqual([
    0,
    `crm-contacts ${id}: 0 calls cancelled, 1 stopping`,
  ])
  expect((await ledger('cancel', id)).lines[0]).toContain('asked for that already')
})

test('--help says what each view does; wrong input ends with one line and 2', async () => {
  for (const view of ['', 'runs', 'sql']) {
    const help = await ledger(...(view ? [view] : []), '--help')
    expect([help.code, help.lines[0]]).toEqual([
      0,
      expect.stringMatching(/^Usage: npm run ledger -- /),
    ])
  }
  for (const args of [['show'], ['runs', '--limit', '0'], ['runs', 'x']]) {
    const answer = await ledger(...args)
    expect([answer.code, answer.lines.length]).toEqual([2, 1])
  }
  expect((await ledger('sow')).lines).toEqual(["unknown command 'sow'", '(Did you mean show?)'])
})
