import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import type { Check } from '../../src/jobs/check.ts'
import { crmContacts } from '../../src/jobs/crm-contacts.ts'
import { instagram } from '../../src/jobs/instagram.ts'
import type { Job } from '../../src/jobs/job.ts'
import { rowsAsUsual } from '../../src/jobs/rows-as-usual.ts'
import { runDueChecks } from '../../src/jobs/run-checks.ts'
import { runToEnd } from '../cli/support/run-to-end.ts'
import { queueCall, untilCall } from '../engine/support/calls.ts'
import { openTools, startEngine, testJob } from '../engine/support/engine.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { insertEnded } from './support/ended-calls.ts'

const never = new AbortController().signal

const check = (name: string, statement: string): Check => ({
  name,
  title: `${name} holds`,
  sql: () => sql.raw(statement),
})

const withChecks = (name: string, checks: readonly Check[]): Job => ({
  ...testJob(name, async () => ({})),
  checks,
})

async function found(db: Db, id: string) {
  const { rows } = await sql<{ line: string }>`
    select name || ' ' || status || ': ' || found as line from ledger.checks where job_call_id = ${id} order by name`.execute(
    db,
  )
  return rows.map(({ line }) => line)
}

const marked = async (db: Db, id: string) =>
  await db
    .selectFrom('ledger.job_calls')
    .select(['status', 'checks_failed', 'checked_at'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()

test('checks that pass, fail, say nothing, throw, answer nonsense and try to write: each for itself, and the call is marked', async () => {
  const database = await createDatabase()
  const { db } = database
  const job = withChecks('a-job', [
    check('a-passes', `select true as holds, '3 of 3' as found`),
    check('b-fails', `select false as holds, '1 of 3' as found`),
    check('c-knows-nothing', `select null::boolean as holds, 'no history' as found`),
    check('d-throws', `select 1 / 0 = 1 as holds, '' as found`),
    check('e-has-no-row', `select true as holds, '' as found where false`),
    check('f-is-nonsense', `select 'yes' as holds, 7 as found`),
    check(
      'g-writes',
      `update ledger.job_calls set worker = 'x' returning true as holds, '' as found`,
    ),
    check('h-passes', `select true as holds, 'after all that' as found`),
  ])
  await startEngine(database, [job])
  const id = await queueCall(db, 'a-job')
  await untilCall(db, id, 'it is checked', (call) => call.checked_at !== null)

  expect(await found(db, id)).toEqual([
    'a-passes passed: 3 of 3',
    'b-fails failed: 1 of 3',
    'c-knows-nothing unknown: no history',
    expect.stringMatching(/^d-throws broken: .*division by zero/),
    expect.stringMatching(/^e-has-no-row broken: one row was expected/),
    expect.stringMatching(/^f-is-nonsense broken: one row was expected/),
    expect.stringMatching(/^g-writes broken: .*read-only transaction/),
    'h-passes passed: after all that',
  ])
  expect(await marked(db, id)).toMatchObject({ status: 'succeeded', checks_failed: 5 })
  const states = await db.selectFrom('ledger.check_states').selectAll().orderBy('name').execute()
  expect(
    states.map(({ name, status, failing_since }) => [name, status, failing_since !== null]),
  ).toEqual([
    ['a-passes', 'passed', false],
    ['b-fails', 'failed', true],
    ['c-knows-nothing', 'unknown', false],
    ['d-throws', 'broken', true],
    ['e-has-no-row', 'broken', true],
    ['f-is-nonsense', 'broken', true],
    ['g-writes', 'broken', true],
    ['h-passes', 'passed', false],
  ])
  const shown = await runToEnd('src/cli/ledger.ts', ['show', id], { DATABASE_URL: database.url })
  expect(shown.output).toMatch(/^checks +5 failed, at /m)
  const listed = await runToEnd('src/cli/ledger.ts', ['runs'], { DATABASE_URL: database.url })
  expect(listed.output).toMatch(/a-job .*succeeded .* 5 checks failed$/m)
  expect(shown.output).toMatch(/^failed +b-fails +1 of 3 +b-fails holds$/m)
})

test('many processes at once run the checks of a call once; again after it was resumed', async () => {
  const database = await createDatabase()
  const { db } = database
  let runs = 0
  const counted: Check = {
    name: 'counted',
    title: 'runs once',
    sql: () => {
      runs++
      return sql`select true as holds, 'x' as found from pg_sleep(0.2)`
    },
  }
  const job = withChecks('a-job', [counted])
  const processes = [openTools(database), openTools(database), openTools(database)]
  const all = () => Promise.all(processes.map((tools) => runDueChecks(tools, [job], never)))
  const id = await insertEnded(db, { job: 'a-job' })
  await all()
  await all()
  expect([runs, await found(db, id)]).toEqual([1, ['counted passed: x']])

  await sql`update ledger.job_calls set finished_at = clock_timestamp() where id = ${id}`.execute(
    db,
  )
  await all()
  expect(runs).toBe(2)
})

test('which calls are checked: of the whole, succeeded or failed in parts, the last one alone', async () => {
  const database = await createDatabase()
  const { db } = database
  const check1 = check('one', `select false as holds, 'x' as found`)
  const names = ['older', 'failed', 'in-parts', 'cancelled', 'of-a-part', 'long-ago']
  const jobs = names.map((name) => withChecks(name, [check1]))
  await insertEnded(db, { job: 'older', hoursAgo: 2 })
  const ids = {
    newer: await insertEnded(db, { job: 'older' }),
    failed: await insertEnded(db, { job: 'failed', status: 'failed' }),
    parts: await insertEnded(db, {
      job: 'in-parts',
      status: 'failed',
      error: { kind: 'children', message: '3 of 200 profiles failed' },
    }),
    cancelled: await insertEnded(db, { job: 'cancelled', status: 'cancelled' }),
    part: await insertEnded(db, { job: 'of-a-part', subject: '3 companies' }),
    longAgo: await insertEnded(db, { job: 'long-ago', hoursAgo: 48 }),
  }
  await runDueChecks(openTools(database), jobs, never)
  const { rows } = await sql<{ id: string }>`select job_call_id as id from ledger.checks`.execute(
    db,
  )
  expect(rows.map(({ id }) => id).toSorted()).toEqual([ids.newer, ids.parts].toSorted())
})

test('a run that is stopped while checks run keeps nothing of them, and the next one runs them', async () => {
  const database = await createDatabase()
  const { db } = database
  const stop = new AbortController()
  const stops: Check = {
    name: 'stops',
    title: 'stops',
    sql: () => {
      stop.abort()
      return sql`select true as holds, '' as found`
    },
  }
  const job = withChecks('a-job', [stops, check('later', `select true as holds, '' as found`)])
  const tools = openTools(database)
  const id = await insertEnded(db, { job: 'a-job' })
  await expect(runDueChecks(tools, [job], stop.signal)).rejects.toThrow(/aborted/)
  expect([await found(db, id), (await marked(db, id)).checked_at]).toEqual([[], null])
  await runDueChecks(tools, [job], never)
  expect(await found(db, id)).toHaveLength(2)
})

test('a check that takes its time keeps no process from stopping', async () => {
  const database = await createDatabase()
  const { db } = database
  const slow = check('slow', `select true as holds, pg_sleep(25)::text as found`)
  await insertEnded(db, { job: 'a-job' })
  const stop = new AbortController()
  const running = runDueChecks(openTools(database), [withChecks('a-job', [slow])], stop.signal)
  const sleeping = async () => {
    const { rows } = await sql`
      select from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'`.execute(
      db,
    )
    return rows.length > 0
  }
  await until('it runs', sleeping)
  stop.abort()
  await expect(running).rejects.toThrow(/abort/i)
  expect(await sleeping()).toBe(false)
})

test('rows as usual: at least half of the median of the seven days before, once there are three', async () => {
  const database = await createDatabase()
  const { db } = database
  // Rows of today, yesterday, and so on.
  const cases = [
    ['unknown', [10, 300, 300], '10 rows; there are 2 days before it, and three are needed'],
    ['passed', [150, 300, 310, 290], '150 rows; the median is 300'],
    ['failed', [149, 300, 310, 290], '149 rows; the median is 300'],
    ['passed', [0, 0, 0, 0, 25_000], '0 rows; the median is 0'],
    ['failed', [100, 300, 280, 290, 310, 305, 25_000, 1], '100 rows; the median is 300'],
  ] as const
  const checked: { job: string; id: string }[] = []
  for (const [n, [, rows]] of cases.entries()) {
    const job = `job-${n}`
    for (const [ago, read] of [...rows.entries()].toReversed()) {
      const id = await insertEnded(db, { job, hoursAgo: ago * 24, rows: read })
      if (ago === 0) checked.push({ job, id })
    }
    // Of a part, and eight days ago: they don't count.
    await insertEnded(db, { job, subject: '3 companies', rows: 9999 })
    await insertEnded(db, { job, hoursAgo: 8 * 24 + 1, rows: 9999 })
  }
  const jobs = checked.map(({ job }) => withChecks(job, [rowsAsUsual]))
  await runDueChecks(openTools(database), jobs, never)
  for (const [n, { id }] of checked.entries())
    expect(await found(db, id)).toEqual([`rows-as-usual ${cases[n]?.[0]}: ${cases[n]?.[2]}`])
})

test('crm-contacts and instagram: the other checks, on the tables as they are', async () => {
  const database = await createDatabase()
  const { db } = database
  const statuses = async (id: string) => (await found(db, id)).map((line) => line.split(': ')[0])
  const tools = openTools(database)
  const empty = await insertEnded(db, { job: 'crm-contacts', hoursAgo: 1 })
  await runDueChecks(tools, [crmContacts], never)
  expect(await statuses(empty)).toEqual([
    'contacts-with-a-channel unknown',
    'rows-as-usual unknown',
  ])

  await sql`
    insert into contacts (source, external_id, service_call_id, deleted_at)
    select 'amocrm', n::text, gen_random_uuid(), case when n > 100 then clock_timestamp() end from generate_series(1, 150) n`.execute(
    db,
  )
  await sql`
    insert into contact_channels (source, contact_external_id, position, kind, value, service_call_id)
    select 'amocrm', n::text, 0, 'phone', '+49', gen_random_uuid() from generate_series(1, 85) n`.execute(
    db,
  )
  const fine = await insertEnded(db, { job: 'crm-contacts' })
  await runDueChecks(tools, [crmContacts], never)
  expect(await found(db, fine)).toContain(
    'contacts-with-a-channel passed: 15 of 100 contacts have neither',
  )
  await sql`delete from contact_channels where contact_external_id = '1'`.execute(db)
  const poor = await insertEnded(db, { job: 'crm-contacts' })
  await runDueChecks(tools, [crmContacts], never)
  expect(await found(db, poor)).toContain(
    'contacts-with-a-channel failed: 16 of 100 contacts have neither',
  )

  await sql`insert into tracked_profiles (username) select 'p' || n from generate_series(1, 10) n`.execute(
    db,
  )
  await sql`
    insert into ledger.subject_reads (service, operation, subject, read_at)
    select 'instagram', 'profile.synced', 'p' || n, clock_timestamp() - case when n > 8 then interval '41 hours' else interval '39 hours' end
    from generate_series(1, 10) n`.execute(db)
  for (const day of [1, 2, 3])
    await insertEnded(db, {
      job: 'instagram',
      hoursAgo: 24 * day,
      result: { profiles: 10, failed: 0, cancelled: 0 },
    })
  const few = await insertEnded(db, {
    job: 'instagram',
    status: 'failed',
    error: { kind: 'children', message: '6 of 10 profiles failed' },
    result: { profiles: 10, failed: 6, cancelled: 0 },
  })
  await runDueChecks(tools, [instagram], never)
  expect(await found(db, few)).toEqual([
    'profiles-as-usual failed: 4 profiles; the median is 10',
    'profiles-not-behind failed: 2 of 10 are behind',
    'profiles-not-gone passed: 0 of 10 went gone within a week',
  ])

  const goneAfter = async (names: string) => {
    await sql`update tracked_profiles set gone_at = clock_timestamp() where username ~ ${names}`.execute(
      db,
    )
    const call = await insertEnded(db, { job: 'instagram' })
    await runDueChecks(tools, [instagram], never)
    return (await found(db, call)).at(-1)
  }
  expect(await goneAfter('^p1$')).toBe('profiles-not-gone passed: 1 of 10 went gone within a week')
  expect(await goneAfter('^p2$')).toBe('profiles-not-gone failed: 2 of 10 went gone within a week')
  expect(await goneAfter('^p')).toBe(
    'profiles-not-gone failed: 10 of 10 went gone within a week: is INSTAGRAM_BASE_URL the address of the API?',
  )
})
