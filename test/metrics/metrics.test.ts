import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { takeUp } from '../../src/db/leases.ts'
import { foldTallies, readLedgerMetrics } from '../../src/db/metrics.ts'
import { keepHouse } from '../../src/db/keep-house.ts'
import { resume } from '../../src/db/resume.ts'
import { ledgerMetrics } from '../../src/http/ledger-metrics.ts'
import { startHttp } from '../../src/http/server.ts'
import { open } from '../../src/open.ts'
import { insertEnded } from '../alerts/support/ended-calls.ts'
import { queueCall, untilStatus } from '../engine/support/calls.ts'
import { startEngine, testJob } from '../engine/support/engine.ts'
import { startThings } from '../engine/support/things.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { type Family, parseMetrics } from './prometheus-text.ts'

const token = 'the-token-of-the-door'

/** An HTTP process on this database. */
async function startDoor(url: string) {
  const env = {
    DATABASE_URL: url,
    API_TOKEN: token,
    HTTP_PORT: '0',
    AMOCRM_ACCESS_TOKEN: 'very-secret-token',
  }
  const opened = await open({ name: 'test', logLevel: 'silent' }, env)
  const http = await startHttp(opened)
  onTestFinished(async () => {
    await http.close()
    await opened.close()
  })
  const get = (
    path: string,
    headers: Record<string, string> = { authorization: `Bearer ${token}` },
  ) => fetch(`${http.url}${path}`, { headers })
  return { get, text: async () => await (await get('/metrics')).text() }
}

/** What the ledger says, read as Prometheus would. */
async function scrape(db: Db, jobs: readonly string[] = []) {
  return parseMetrics(await ledgerMetrics(await readLedgerMetrics(db), jobs).metrics())
}

/** The value of one sample; undefined where there is none. */
function value(metrics: Map<string, Family>, name: string, labels: Record<string, string> = {}) {
  const family = metrics.get(name) ?? metrics.get(name.replace(/_(bucket|sum|count)$/, ''))
  return family?.samples.find(
    (one) =>
      one.name === name && Object.entries(labels).every(([key, of]) => one.labels[key] === of),
  )?.value
}

test('real runs: what ended, rows, pages, requests and times; two processes say the same; only with the token', async () => {
  const database = await createDatabase()
  const { db } = database
  const things = await startThings(3)
  const reads = testJob('reads', (run) => things.read(run, ['a', 'b']), { maxAttempts: 1 })
  things.answer((path) => (path.startsWith('/b?page=1') ? 400 : 200))
  const engine = await startEngine(database, [reads])
  const id = await queueCall(db, 'reads')
  await untilStatus(db, id, 'failed')
  const [one, two] = [await startDoor(database.url), await startDoor(database.url)]
  const failed = parseMetrics(await one.text())
  expect(value(failed, 'nightledger_job_calls_total', { job: 'reads', status: 'failed' })).toBe(1)
  // Two of each page; the second stream stopped after its first.
  const rowsOf = { job: 'reads', service: 'instagram', outcome: 'inserted' }
  expect(value(failed, 'nightledger_rows_total', rowsOf)).toBe(8)
  expect(
    value(failed, 'nightledger_job_last_success_age_seconds', { job: 'reads' }),
  ).toBeUndefined()

  things.answer(() => 200)
  await db.transaction().execute((trx) => resume(trx, id, { wake: true }))
  await untilStatus(db, id, 'succeeded')
  await engine.stop()
  const done = parseMetrics(await one.text())
  expect(value(done, 'nightledger_rows_total', rowsOf)).toBe(12)
  expect(value(done, 'nightledger_pages_total', { job: 'reads' })).toBe(6)
  expect(value(done, 'nightledger_job_calls_total', { job: 'reads', status: 'succeeded' })).toBe(1)
  expect(value(done, 'nightledger_job_calls_total', { job: 'reads', status: 'failed' })).toBe(1)
  expect(value(done, 'nightledger_job_call_duration_seconds_count', { job: 'reads' })).toBe(2)
  expect(value(done, 'nightledger_queue_wait_seconds_count', { job: 'reads' })).toBe(1)
  // Three pages of each, and one that was refused; written down once a second.
  await until('all requests are counted', async () => {
    const name = 'nightledger_upstream_requests_total'
    return value(parseMetrics(await one.text()), name, { service: 'instagram' }) === 7
  })
  expect(
    value(done, 'nightledger_job_last_success_age_seconds', { job: 'reads' }),
  ).toBeGreaterThanOrEqual(0)
  // Counted from zero, before anything happened.
  expect(
    value(done, 'nightledger_job_calls_total', { job: 'crm-contacts', status: 'failed' }),
  ).toBe(0)
  expect(value(done, 'process_cpu_seconds_total')).toBeGreaterThan(0)

  const text = await one.text()
  expect(ofTheLedger(await two.text())).toEqual(ofTheLedger(text))
  for (const secret of [token, 'very-secret', database.url]) expect(text).not.toContain(secret)
  const answer = await one.get('/metrics')
  expect(answer.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/)
  const refused = async (headers: Record<string, string>) =>
    (await one.get('/metrics', headers)).status
  expect([await refused({}), await refused({ authorization: 'Bearer no' })]).toEqual([401, 401])
  expect((await one.get('/healthz', {})).status).toBe(200)
})

test('a worker that falls silent: a lease lost, and a takeover; who ends or gives back in order counts as neither', async () => {
  const database = await createDatabase()
  const { db } = database
  const job = testJob('a-job', async () => ({}))
  const lease = async () => {
    const id = await queueCall(db, 'a-job')
    await takeUp(db, id, { worker: 'gone', leaseSeconds: 60 })
    return id
  }
  const [dead, left] = [await lease(), await lease()]
  await sql`update ledger.job_calls set lease_expires_at = clock_timestamp() - interval '1 second' where id = ${dead}`.execute(
    db,
  )
  const fine = await queueCall(db, 'a-job')
  await startEngine(database, [job])
  await untilStatus(db, dead, 'succeeded')
  await untilStatus(db, fine, 'succeeded')
  // One that a person resumes by hand, from a worker that is gone.
  await sql`update ledger.job_calls set lease_expires_at = '-infinity' where id = ${left}`.execute(
    db,
  )
  const metrics = await scrape(db)
  const of = { job: 'a-job' }
  expect(value(metrics, 'nightledger_leases_lost_total', of)).toBeGreaterThanOrEqual(1)
  await untilStatus(db, left, 'succeeded')
  const after = await scrape(db)
  expect(value(after, 'nightledger_leases_lost_total', of)).toBe(2)
  expect(value(after, 'nightledger_takeovers_total', of)).toBe(2)
  expect(value(after, 'nightledger_job_calls_total', { ...of, status: 'succeeded' })).toBe(3)
})

test('counters never go back, whatever happens to calls, and in the end they say what the ledger does', async () => {
  const { db } = await createDatabase()
  const jobs = ['a', 'b', 'c']
  const random = seeded(20_261_122)
  const pick = <T>(list: readonly T[]): T | undefined => list[Math.floor(random() * list.length)]
  const calls: string[] = []
  const some = () => pick(calls) ?? '00000000-0000-0000-0000-000000000000'
  const acts = {
    async begin() {
      if (calls.length === 8) return
      const id = await queueCall(db, pick(jobs) ?? 'a')
      calls.push(id)
      await sql`
        insert into ledger.service_calls (job_call_id, service, operation, subject)
        select ${id}, s, 'x', n::text from unnest(array['amocrm', 'apollo']) s, generate_series(1, 2) n`.execute(
        db,
      )
    },
    takeUp: () => takeUp(db, some(), { worker: 'w', leaseSeconds: 60 }),
    page: () =>
      sql`
      update ledger.service_calls s set pages = pages + 1, rows_read = rows_read + 10, rows_inserted = rows_inserted + 5,
        rows_updated = rows_updated + 2, rows_unchanged = rows_unchanged + 2, rows_rejected = rows_rejected + 1
      from ledger.job_calls c where c.id = s.job_call_id and c.id = ${some()} and c.status = 'running'`.execute(
        db,
      ),
    end: () =>
      sql`
      update ledger.job_calls set status = ${pick(['succeeded', 'cancelled']) ?? ''}, finished_at = clock_timestamp(), lease_token = null, lease_expires_at = null
      where id = ${some()} and finished_at is null`.execute(db),
    fail: () =>
      sql`
      update ledger.job_calls set status = 'failed', error = '{"kind":"upstream"}', finished_at = clock_timestamp(), lease_token = null, lease_expires_at = null
      where id = ${some()} and finished_at is null`.execute(db),
    resume: () => db.transaction().execute((trx) => resume(trx, some(), { wake: false })),
    fold: () => foldTallies(db),
  }
  const kinds = Object.keys(acts) as (keyof typeof acts)[]
  let before = new Map<string, number>()
  for (let n = 0; n < 60; n++) {
    // A page more often than the others, so that what is resumed has rows.
    for (let k = 0; k < 8; k++)
      await acts[
        pick<keyof typeof acts>([...kinds, 'page', 'page', 'takeUp', 'resume']) ?? 'page'
      ]()
    const now = counters(await scrape(db))
    for (const [key, was] of before)
      expect([n, key, now.get(key) ?? 0]).toEqual([n, key, Math.max(was, now.get(key) ?? 0)])
    before = now
  }
  const { rows } = await sql<{ key: string; n: number }>`
    select 'nightledger_rows_total ' || c.job || ' ' || s.outcome || ' ' || s.service as key, sum(s.n)::int as n
    from ledger.job_calls c join (
      select job_call_id, service, v.outcome, v.n from ledger.service_calls,
        lateral (values ('inserted', rows_inserted), ('updated', rows_updated), ('unchanged', rows_unchanged), ('rejected', rows_rejected)) v (outcome, n)
    ) s on s.job_call_id = c.id group by 1 having sum(s.n) > 0 order by 1`.execute(db)
  const told = [...before]
    .filter(([key]) => key.startsWith('nightledger_rows_total'))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  expect(told.length).toBeGreaterThan(4)
  expect(told).toEqual(rows.map(({ key, n }) => [key, n]))
})

test('nor when months are dropped; and thousands of subjects give no more samples than ten', async () => {
  const { db } = await createDatabase()
  await sql`insert into ledger.upstream_hours (service, hour, worker, requests, retries) values
    ('amocrm', clock_timestamp() - interval '500 days', 'w', 70, 7), ('amocrm', clock_timestamp(), 'w', 3, 1)`.execute(
    db,
  )
  const samples = async () =>
    [...(await scrape(db)).values()].reduce((sum, { samples: of }) => sum + of.length, 0)
  const finish = async (from: number, to: number) => {
    await sql`
      insert into ledger.job_calls (id, root_id, job, trigger, subject)
      select id, id, 'a-job', 'http', 'subject ' || n from (select ledger.uuid_v7() as id, n from generate_series(${from}::int, ${to}) n) c`.execute(
      db,
    )
    await sql`update ledger.job_calls set status = 'cancelled', finished_at = clock_timestamp() where finished_at is null`.execute(
      db,
    )
  }
  await finish(1, 10)
  const few = await samples()
  await finish(11, 3000)
  expect(await samples()).toBe(few)
  const before = counters(await scrape(db))
  expect(before.get('nightledger_job_calls_total a-job cancelled')).toBe(3000)
  await keepHouse(db)
  await sql`truncate ledger.job_calls, ledger.service_calls`.execute(db)
  const after = counters(await scrape(db))
  expect(after).toEqual(before)
  expect(after.get('nightledger_upstream_requests_total amocrm')).toBe(73)
})

test('what is the matter, and what waits', async () => {
  const { db } = await createDatabase()
  const id = await insertEnded(db, { job: 'a-job' })
  await sql`insert into ledger.incidents (job, kind, about, message) values ('a-job', 'late', '', 'was due'), ('a-job', 'check', 'one', '16 of 100')`.execute(
    db,
  )
  await sql`insert into ledger.checks (job_call_id, job, name, title, status, found) values
    (${id}, 'a-job', 'one', 't', 'failed', ''), (${id}, 'a-job', 'two', 't', 'passed', ''), (${id}, 'a-job', 'three', 't', 'unknown', '')`.execute(
    db,
  )
  await sql`insert into ledger.breakers (service, account, reason, opened_by) values ('amocrm', 'an-account', 'blocked', 'w')`.execute(
    db,
  )
  await queueCall(db, 'a-job')
  await queueCall(db, 'a-job')
  const metrics = await scrape(db, ['a-job', 'other'])
  const of = (name: string, labels: Record<string, string> = {}) =>
    value(metrics, `nightledger_${name}`, labels)
  expect([
    of('incidents_open', { job: 'a-job', kind: 'late' }),
    of('incidents_open', { kind: 'check' }),
  ]).toEqual([1, 1])
  expect(['one', 'two', 'three'].map((check) => of('check_holds', { check }))).toEqual([
    0,
    1,
    undefined,
  ])
  expect([
    of('upstream_blocked', { service: 'amocrm' }),
    of('processes_alive', { role: 'worker' }),
  ]).toEqual([1, 0])
  expect([
    of('queue_due', { job: 'a-job' }),
    of('queue_due', { job: 'other' }),
    of('job_calls_live', { status: 'queued' }),
  ]).toEqual([2, 0, 2])
  expect(of('queue_oldest_due_seconds', { job: 'a-job' })).toBeGreaterThanOrEqual(0)
  expect(
    [...metrics.values()].flatMap(({ samples: all }) => all.map(({ labels }) => labels['account'])),
  ).not.toContain('an-account')
})

/** The lines that any process says alike. */
const ofTheLedger = (text: string) =>
  text
    .split('\n')
    .filter((line) => line.startsWith('nightledger_') && !line.includes('_age_seconds'))

/** Counters and counts of histograms by name and label values. */
function counters(metrics: Map<string, Family>): Map<string, number> {
  return new Map(
    [...metrics.values()]
      .filter(({ type }) => type !== 'gauge')
      .flatMap(({ samples }) => samples)
      .map(({ name, labels, value: n }) => [
        [
          name,
          ...Object.entries(labels)
            .toSorted(([a], [b]) => (a < b ? -1 : 1))
            .map(([, of]) => of),
        ].join(' '),
        n,
      ]),
  )
}

/** Mulberry32: the same numbers each time. */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
