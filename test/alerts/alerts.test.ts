import { sql } from 'kysely'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { claimPost } from '../../src/db/incident-posts.ts'
import { Fault } from '../../src/errors.ts'
import type { Job } from '../../src/jobs/job.ts'
import { postAlerts } from '../../src/jobs/post-alerts.ts'
import { lookOnce } from '../../src/jobs/watch.ts'
import { runToEnd } from '../cli/support/run-to-end.ts'
import { queueCall, untilStatus } from '../engine/support/calls.ts'
import { openTools, startEngine, testJob } from '../engine/support/engine.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { insertEnded } from './support/ended-calls.ts'
import { startWebhook } from './support/webhook.ts'

const never = new AbortController().signal
const plain = (name: string) => testJob(name, async () => ({}))

/** Of the tests that run no worker, one after the other. */
let shared: TestDatabase
beforeAll(async () => {
  const ends: (() => Promise<void>)[] = []
  shared = await createDatabase((end) => ends.push(end))
  return async () => {
    for (const end of ends) await end()
  }
})

/** Some processes that look after these jobs, and a webhook; each look is all of them at once. */
async function withWatch(jobs: readonly Job[], { processes = 1, env = {} } = {}) {
  await sql`truncate ledger.job_calls, ledger.ticks, ledger.schedules, ledger.checks, ledger.incidents, ledger.incident_posts`.execute(
    shared.db,
  )
  const hook = await startWebhook()
  const settings = { ALERT_WEBHOOK_URL: hook.url, ...env }
  const tools = Array.from({ length: processes }, () => openTools(shared, settings))
  return {
    database: shared,
    db: shared.db,
    hook,
    look: async () => {
      await Promise.all(tools.map((tool) => lookOnce({ ...tool, jobs }, never)))
    },
    heads: () => hook.messages.map(({ text }) => text),
  }
}

/** As if the wait until the next try were over. */
const waitIsOver = (db: Db) =>
  sql`update ledger.incident_posts set next_try_at = clock_timestamp() where sent_at is null`.execute(
    db,
  )

async function posts(db: Db) {
  const { rows } = await sql<{ line: string }>`
    select concat_ws(' ', i.job, i.kind, nullif(i.about, ''), p.says, case when p.sent_at is not null then 'sent'
      when p.given_up_at is not null then 'given up' else 'due' end, p.tries) as line
    from ledger.incident_posts p join ledger.incidents i on i.id = p.incident_id order by p.queued_at, p.says`.execute(
    db,
  )
  return rows.map(({ line }) => line)
}

/** A schedule that counts since ten days ago. */
const schedule = async (db: Db, more = '') => {
  await sql`insert into ledger.schedules (job, counted_since) values ('a-job', clock_timestamp() - interval '10 days')`.execute(
    db,
  )
  if (more) await sql.raw(`update ledger.schedules set ${more}`).execute(db)
}

const open = async (db: Db) => {
  const { rows } = await sql<{
    message: string
  }>`select message from ledger.incidents where closed_at is null`.execute(db)
  return rows.map(({ message }) => message)
}

/** A job that has just failed. */
const failing = async () => {
  const world = await withWatch([plain('a-job')])
  await insertEnded(world.db, { job: 'a-job', status: 'failed' })
  return world
}

test('a job that fails, night after night: told once, by one of five processes, and once more when it is over', async () => {
  const { db, hook, look, heads } = await withWatch([plain('a-job')], { processes: 5 })
  const failed = await insertEnded(db, { job: 'a-job', status: 'failed', hoursAgo: 1 })
  await look()
  await look()
  await insertEnded(db, { job: 'a-job', status: 'failed' })
  await look()
  expect(heads()).toEqual([':rotating_light: a-job: failed: upstream: GET /things: 503'])
  expect(JSON.stringify(hook.messages[0])).toContain(`npm run ledger -- show ${failed}`)

  await insertEnded(db, { job: 'a-job' })
  await look()
  await look()
  expect(heads().slice(1)).toEqual([
    expect.stringMatching(
      /^:white_check_mark: Over: a-job: failed: it has succeeded; it began at 20/,
    ),
  ])
  await insertEnded(db, { job: 'a-job', status: 'failed' })
  await look()
  expect(heads()).toHaveLength(3)
  expect(hook.tries).toHaveLength(3)
})

test('many incidents at once, posted by five processes side by side: each once', async () => {
  const names = Array.from({ length: 12 }, (_, n) => `job-${n + 10}`)
  const { db, hook, look, heads } = await withWatch(names.map(plain), { processes: 5 })
  for (const job of names) await insertEnded(db, { job, status: 'failed' })
  hook.down()
  await look()
  await hook.up()
  await waitIsOver(db)
  await look()
  expect(hook.tries).toHaveLength(12)
  expect(
    heads()
      .map((head) => head.split(' ')[1] ?? '')
      .toSorted(),
  ).toEqual(names.map((job) => `${job}:`))
})

test('by real workers: a call that fails and one that succeeds', async () => {
  const hook = await startWebhook()
  const database = await createDatabase()
  let fails = true
  const job = testJob('a-job', async () => {
    if (fails) throw new Fault('bad_request', 'a part <b> & that', { hint: 'ask otherwise' })
    return {}
  })
  const env = { ALERT_WEBHOOK_URL: hook.url }
  await Promise.all([1, 2, 3].map(() => startEngine(database, [job], env)))
  await untilStatus(database.db, await queueCall(database.db, 'a-job'), 'failed')
  await until('it is told', () => hook.messages.length === 1)
  expect(hook.messages[0]?.blocks).toMatchObject([
    { text: { text: ':rotating_light: *a-job: failed*' } },
    { text: { text: 'bad_request: a part &lt;b&gt; &amp; that\nask otherwise' } },
    {},
  ])
  fails = false
  await untilStatus(database.db, await queueCall(database.db, 'a-job'), 'succeeded')
  await until('that it is over is told', () => hook.messages.length === 2)
  expect(hook.tries).toHaveLength(2)
})

test('a call that failed and is tried again: not over before it has succeeded', async () => {
  const { db, look, heads } = await withWatch([plain('a-job')])
  await insertEnded(db, { job: 'a-job', hoursAgo: 2 })
  const failed = await insertEnded(db, { job: 'a-job', status: 'failed' })
  await look()
  await sql`update ledger.job_calls set status = 'queued', finished_at = null, error = null where id = ${failed}`.execute(
    db,
  )
  await look()
  expect(heads()).toHaveLength(1)
  await sql`update ledger.job_calls set status = 'succeeded', finished_at = clock_timestamp() where id = ${failed}`.execute(
    db,
  )
  await look()
  expect(heads()).toHaveLength(2)
})

test('calls of parts: one incident however many fail and succeed by turns, of its own, over after a quiet while', async () => {
  const { db, look, heads } = await withWatch([plain('a-job')])
  const part = (n: number, status: 'failed' | 'succeeded') =>
    insertEnded(db, { job: 'a-job', subject: `part ${n}`, status })
  const laterBy = (minutes: number) =>
    sql`update ledger.job_calls set finished_at = finished_at - make_interval(mins => ${minutes})`.execute(
      db,
    )
  await part(1, 'failed')
  // Its failure must not be missed because another one succeeds before anybody looks.
  await part(2, 'succeeded')
  await look()
  for (const n of [3, 4, 5]) {
    await part(n, n % 2 === 0 ? 'failed' : 'succeeded')
    await look()
  }
  await insertEnded(db, { job: 'a-job' })
  await look()
  expect(heads()).toEqual([expect.stringContaining('a-job: a call on a part failed')])
  expect(heads()[0]).not.toContain('part 1')
  // The whole is another incident.
  await insertEnded(db, { job: 'a-job', status: 'failed' })
  await look()
  expect(heads().slice(1)).toEqual([expect.stringContaining('a-job: failed')])
  await laterBy(16)
  await look()
  expect(heads().slice(2)).toEqual([
    expect.stringMatching(
      /Over: a-job: a call on a part failed: another one succeeded, and none failed/,
    ),
  ])

  await part(1, 'failed')
  await laterBy(60)
  await look()
  await look()
  expect(heads().slice(3)).toEqual([expect.stringContaining('a-job: a call on a part failed')])
  await sql`update ledger.job_calls set parent_id = gen_random_uuid(), trigger = 'job' where subject <> ''`.execute(
    db,
  )
  await look()
  expect(heads().slice(4)).toEqual([
    expect.stringMatching(/Over: .*no call on a part for two days/),
  ])
})

test('a check that fails: an incident a check, once, over when it holds again or is there no more', async () => {
  const answers = { one: false, two: false }
  const names: (keyof typeof answers)[] = ['one', 'two']
  const job = {
    ...plain('a-job'),
    checks: names.map((name) => ({
      name,
      title: `${name} holds`,
      sql: () =>
        sql<{
          holds: boolean
          found: string
        }>`select ${answers[name]}::boolean as holds, '16 of 100' as found`,
    })),
  }
  const { db, look, heads } = await withWatch([job])
  const run = async () => {
    await insertEnded(db, { job: 'a-job' })
    await look()
  }
  await run()
  await run()
  expect(heads().toSorted()).toEqual([
    ':rotating_light: a-job: check one failed: 16 of 100 (one holds)',
    ':rotating_light: a-job: check two failed: 16 of 100 (two holds)',
  ])
  answers.one = true
  await run()
  expect(heads().slice(2)).toEqual([
    expect.stringMatching(/^:white_check_mark: Over: a-job: check one failed: 16 of 100;/),
  ])
  job.checks.pop()
  await run()
  expect(heads().slice(3)).toEqual([
    expect.stringMatching(/Over: a-job: check two failed: it is no longer checked;/),
  ])
})

describe('late', () => {
  const nightly = {
    ...testJob('a-job', async () => ({}), { schedule: '0 2 * * *' }),
    lateAfterMs: 3_600_000,
  }
  // A tick of the past minute, so that the hour of the day does not matter.
  const everyMinute = `expression = '* * * * *', late_after = interval '2 minutes'`

  test('the last success is older than the schedule says: told once, with both times; over with the next success', async () => {
    const { db, look, heads } = await withWatch([nightly])
    await schedule(db, everyMinute)
    await insertEnded(db, { job: 'a-job', hoursAgo: 1 })
    await look()
    await look()
    expect(heads()).toEqual([
      expect.stringMatching(
        /^:rotating_light: a-job: is late: was due at 20\S+Z and has not succeeded since then; the last success was at 20\S+Z$/,
      ),
    ])
    await insertEnded(db, { job: 'a-job' })
    await look()
    expect(heads()).toHaveLength(2)
    // That it failed says as much as that it is late.
    await sql`update ledger.job_calls set finished_at = finished_at - interval '2 hours'`.execute(
      db,
    )
    await insertEnded(db, { job: 'a-job', status: 'failed' })
    await look()
    expect(heads().slice(2)).toEqual([expect.stringContaining('a-job: failed')])
  })

  test('within its grace, paused, changed a moment ago, or never late by its word: not late', async () => {
    const { db, look } = await withWatch([nightly])
    await schedule(db, everyMinute)
    const isLate = async (change: string) => {
      await sql.raw(`update ledger.schedules set ${change}`).execute(db)
      await look()
      return (await open(db)).length
    }
    expect(await isLate(everyMinute)).toBe(1)
    expect(await open(db)).toEqual([expect.stringMatching(/it never has$/)])
    expect(await isLate('paused = true')).toBe(0)
    expect(await isLate('paused = false')).toBe(1)
    expect(await isLate('counted_since = clock_timestamp()')).toBe(0)
    expect(await isLate(`counted_since = clock_timestamp() - interval '1 hour'`)).toBe(1)
    expect(await isLate(`late_after = interval '3 hours'`)).toBe(0)
    // A schedule with parameters makes calls on a subject.
    expect(await isLate(everyMinute)).toBe(1)
    await insertEnded(db, { job: 'a-job', subject: '3 companies' })
    expect(await isLate(everyMinute)).toBe(1)
    await sql`insert into ledger.ticks (job, scheduled_for, job_call_id) select job, clock_timestamp(), id from ledger.job_calls`.execute(
      db,
    )
    expect(await isLate(everyMinute)).toBe(0)
    await sql`truncate ledger.ticks`.execute(db)
    await sql`update ledger.schedules set late_after = null, counted_since = clock_timestamp() - interval '10 days', expression = null`.execute(
      db,
    )
    await look()
    expect(await open(db)).toHaveLength(1)
    const neverLate = await withWatch([{ ...nightly, lateAfterMs: Infinity }])
    await schedule(neverLate.db)
    await neverLate.look()
    expect(await open(neverLate.db)).toEqual([])
  })
})

describe('a webhook that', () => {
  test('is down: tried again with growing waits, in order, also by another process; nothing is lost', async () => {
    const { db, database, hook, look, heads } = await failing()
    hook.down()
    await look()
    await look()
    expect(await posts(db)).toEqual(['a-job failed begun due 1'])
    await waitIsOver(db)
    await look()
    const { rows } = await sql<{ s: number; error: string }>`
      select extract(epoch from next_try_at - clock_timestamp())::float8 as s, error from ledger.incident_posts`.execute(
      db,
    )
    expect(rows[0]?.s).toBeGreaterThan(8)
    expect(rows[0]?.s).toBeLessThanOrEqual(10)
    expect(rows[0]?.error).toMatch(/ECONNREFUSED/)
    await insertEnded(db, { job: 'a-job' })
    await waitIsOver(db)
    await look()
    expect(await posts(db)).toEqual(['a-job failed begun due 3', 'a-job failed over due 0'])

    await hook.up()
    await waitIsOver(db)
    const other = openTools(database, { ALERT_WEBHOOK_URL: hook.url })
    await lookOnce({ ...other, jobs: [plain('a-job')] }, never)
    expect(heads()).toEqual([
      expect.stringMatching(/^:rot.*: failed: upstream/),
      expect.stringMatching(/^:white.*Over/),
    ])
  })

  test('was being posted to by a process that died: another one does it, when the claim is over', async () => {
    const { db, hook, look } = await failing()
    hook.answer(500)
    await look()
    await waitIsOver(db)
    expect(await claimPost(db)).toMatchObject({ says: 'begun', job: 'a-job' })
    hook.answer(200)
    await look()
    expect(hook.messages).toEqual([])
    await waitIsOver(db)
    await look()
    await look()
    expect(hook.messages).toHaveLength(1)
  })

  test('answers 500, then 429 with a wait, then 200', async () => {
    const { db, hook, look } = await failing()
    hook.answer(500)
    await look()
    await waitIsOver(db)
    hook.answer(429, { 'retry-after': '120' })
    await look()
    const { rows } = await sql<{ s: number }>`
      select extract(epoch from next_try_at - clock_timestamp())::float8 as s from ledger.incident_posts`.execute(
      db,
    )
    expect(rows[0]?.s).toBeGreaterThan(100)
    hook.answer(200)
    await waitIsOver(db)
    await look()
    expect([await posts(db), hook.messages.length]).toEqual([['a-job failed begun sent 3'], 1])
  })

  test('is wrong (404): given up at once; never taken: given up after 20 tries', async () => {
    const { db, hook, look } = await failing()
    hook.answer(404)
    await look()
    expect(await posts(db)).toEqual(['a-job failed begun given up 1'])

    const other = await failing()
    other.hook.answer(503)
    await other.look()
    await sql`update ledger.incident_posts set tries = 17`.execute(other.db)
    for (let n = 0; n < 6; n++) {
      await waitIsOver(other.db)
      await other.look()
    }
    expect([await posts(other.db), other.hook.tries.length]).toEqual([
      ['a-job failed begun given up 20'],
      4,
    ])
    // That it is over is told all the same.
    other.hook.answer(200)
    await insertEnded(other.db, { job: 'a-job' })
    await other.look()
    expect(other.heads()).toEqual([expect.stringContaining('Over: a-job: failed')])
  })

  test('is too slow: it may have taken it, so it gets it three times at most', async () => {
    const { db, hook, database, look } = await failing()
    hook.answer('hang')
    const tools = openTools(database, { ALERT_WEBHOOK_URL: hook.url })
    hook.down()
    await look()
    await hook.up()
    for (let n = 0; n < 5; n++) {
      await waitIsOver(db)
      await postAlerts(tools, never, { answerWithinMs: 50 })
    }
    expect([await posts(db), hook.tries.length]).toEqual([['a-job failed begun given up 20'], 3])
  })

  test('never answers: a run does not wait for it, and a stop is not held up', async () => {
    const hook = await startWebhook()
    hook.answer('hang')
    const database = await createDatabase()
    const job = testJob('a-job', async ({ params }) => {
      if (params['fails']) throw new Fault('bad_request', 'no')
      return {}
    })
    const engine = await startEngine(database, [job], { ALERT_WEBHOOK_URL: hook.url })
    await untilStatus(database.db, await queueCall(database.db, 'a-job', { fails: true }), 'failed')
    await until('it is being posted', () => hook.tries.length === 1)
    await untilStatus(database.db, await queueCall(database.db, 'a-job'), 'succeeded')
    await engine.stop()
    // What was stopped on its way counts as no try.
    expect(await posts(database.db)).toEqual([expect.stringMatching(/^a-job failed begun due 0$/)])
  })
})

test('without a webhook the ledger has the incidents, and `freshness` shows them; nothing old is posted when one comes', async () => {
  const database = await createDatabase()
  const { db } = database
  const tools = openTools(database)
  const jobs = [plain('a-job')]
  await insertEnded(db, { job: 'a-job', status: 'failed' })
  await lookOnce({ ...tools, jobs }, never)
  const shown = await runToEnd('src/cli/ledger.ts', ['freshness'], { DATABASE_URL: database.url })
  expect(shown.output).toMatch(/^1 open incident$/m)
  expect(shown.output).toMatch(/^a-job +failed +20\S+ +upstream: GET \/things: 503/m)

  await insertEnded(db, { job: 'a-job' })
  await lookOnce({ ...tools, jobs }, never)
  const hook = await startWebhook()
  await lookOnce({ ...openTools(database, { ALERT_WEBHOOK_URL: hook.url }), jobs }, never)
  expect([hook.tries, await posts(db)]).toEqual([[], []])
})

test('`npm run job` of a job that fails tells it before it ends; no secret is in what is posted, logged or kept', async () => {
  const database = await createDatabase()
  const hook = await startWebhook()
  const token = 'very-secret-token-0123456789'
  const upstream = await startWebhook()
  const env = {
    DATABASE_URL: database.url,
    AMOCRM_BASE_URL: new URL(upstream.url).origin,
    AMOCRM_ACCESS_TOKEN: token,
    ALERT_WEBHOOK_URL: hook.url,
    LOG_LEVEL: 'trace',
  }
  upstream.answer(401)
  const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], env)
  expect([run.code, hook.messages.length]).toEqual([1, 1])
  expect(hook.messages[0]?.text).toMatch(/^:rotating_light: crm-contacts: failed: unauthorized/)
  hook.answer(404)
  await sql`update ledger.job_calls set error = ${JSON.stringify({ kind: 'upstream', message: `x ${token} y` })}::jsonb`.execute(
    database.db,
  )
  await sql`delete from ledger.incidents`.execute(database.db)
  const again = await runToEnd('src/cli/job.ts', ['crm-contacts', '--new'], env)
  const { rows } = await sql<{
    text: string
  }>`select i::text || p::text as text from ledger.incidents i, ledger.incident_posts p`.execute(
    database.db,
  )
  const all = [run.output, again.output, ...hook.tries, ...rows.map(({ text }) => text)].join('\n')
  expect(all).toContain('"level":"trace"')
  for (const secret of [token, 'secret-of-the-hook', '/services/T0'])
    expect(all).not.toContain(secret)
})
