import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { useLedgerCommand } from './support/ledger-command.ts'

const { db, ledger, idOf } = useLedgerCommand()

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
    /^[0-9a-f]{8}-[0-9a-f]{4} +crm-contacts +cli +succeeded +1 +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +\d.*? m?s +\d+ +\d+ +\d+ +\d+ +0 +\d+ +[24]$/,
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
    select id, job_call_id from ledger.service_calls where service = 'instagram'`.execute(db())
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
  expect(freshness.lines[1]).toMatch(
    /^crm-contacts +on +\d{4}-\S+Z +\S.*? (failed|cancelled) +\d{4}-/,
  )
  const usage = await ledger('usage')
  expect(usage.lines[1]).toMatch(/^\S+T\d\d:00:00Z +amocrm +\d+ +1 +1 /)
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
