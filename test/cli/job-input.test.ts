import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { startProgram } from '../support/program.ts'
import { runToEnd } from './support/run-to-end.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { until } from '../support/until.ts'

const job = async (env: Record<string, string>, ...args: string[]) => {
  const { code, output } = await runToEnd('src/cli/job.ts', args, env)
  return { code, output, lines: output.split('\n').filter(Boolean) }
}

async function countRows({ db }: TestDatabase): Promise<unknown> {
  const { rows } = await sql`
    select relname, n from pg_class c join pg_namespace s on s.oid = c.relnamespace,
      lateral (select (xpath('/row/c/text()', query_to_xml(format('select count(*) as c from %I.%I', nspname, relname), false, true, '')))[1]::text as n) counted
    where relkind = 'r' and nspname in ('ledger', 'raw', 'public', 'graphile_worker') order by nspname, relname`.execute(
    db,
  )
  return rows
}

test('wrong input: what was expected, in a line or two, and 2; without asking anybody', async () => {
  // Nothing listens there: input is read before anything is opened.
  const env = { DATABASE_URL: 'postgres://me@127.0.0.1:1/none' }
  const wrong: [args: string[], line: string][] = [
    [['crm-contact'], 'there is no job "crm-contact"'],
    [
      ['crm-contacts', '--params', '{"notes": tr'],
      '--params: a JSON object was expected, not {"notes": tr',
    ],
    [
      ['crm-contacts', '--params', '{"notes":"yes"}'],
      'parameters of crm-contacts: notes: Invalid input: expected boolean, received string',
    ],
    [
      ['crm-contacts', '--wait', 'abc'],
      "option '--wait <seconds>' argument 'abc' is invalid. Seconds were expected.",
    ],
    [
      ['crm-contacts', '--new', '--resume', '01a2046c-e8cd'],
      '--resume goes on with a job call as it was begun: not together with --new',
    ],
    [
      ['crm-contacts', 'twice'],
      'too many arguments. Expected 1 argument but got 2: crm-contacts, twice.',
    ],
  ]
  for (const [args, line] of wrong) {
    const answer = await job(env, ...args)
    expect([answer.code, answer.lines[0]]).toEqual([2, line])
    expect(answer.lines.length).toBeLessThanOrEqual(2)
  }
  const keys = await job(env, 'crm-contacts', '--params', '{"compnyIds":[1]}')
  expect(keys.lines[1]).toMatch(/^expected \{companyIds\?: .*\[\], notes\?: boolean, /)
})

test('no name lists the jobs; --dry-run asks nothing and writes nothing; --resume wants a call that is there and not over', async () => {
  const database = await createDatabase()
  const sandbox = await startTestSandbox()
  const env = { DATABASE_URL: database.url, ...sandbox.env }
  const never = await job({ ...env, SCHEDULE_CRM_CONTACT: '0 1 * * *' })
  expect(never.output).toMatch(/^crm-contacts +0 2 \* \* \* +never ran/m)
  expect(never.output).toMatch(/^SCHEDULE_CRM_CONTACT: there is no such job/m)

  const before = await countRows(database)
  const dry = await job(env, 'crm-contacts', '--dry-run')
  expect([dry.code, dry.lines.at(-1)]).toEqual([0, 'nothing was asked, nothing was written'])
  expect(await countRows(database)).toEqual(before)
  expect(await sandbox.requests()).toBe(0)

  expect((await job(env, 'crm-contacts')).code).toBe(0)
  const listed = await job(env)
  expect(listed.output).toMatch(/^crm-contacts +0 2 \* \* \* +succeeded +\d{4}-\S+Z, \d.* ago/m)
  const unset = await job({ DATABASE_URL: database.url })
  expect(unset.output).toMatch(/^crm-contacts +none: AMOCRM_BASE_URL, AMOCRM_ACCESS_TOKEN not set/m)

  const { rows } = await sql<{ id: string }>`select id from ledger.job_calls`.execute(database.db)
  const id = rows[0]?.id ?? ''
  for (const [given, line] of [
    [id, `job call ${id} succeeded: there is nothing to resume`],
    ["x'; select 1", 'an id was expected'],
    ['01a2046c-0000-7000-8000-000000000000', 'there is no job call 01a2046c'],
  ] as const) {
    const answer = await job(env, '--resume', given)
    expect([answer.code, answer.lines[0]]).toEqual([2, expect.stringContaining(line)])
  }
})

test('two at the same time: the second says which call is running, and 1; --new too', async () => {
  const database = await createDatabase()
  const sandbox = await startTestSandbox({ latencyMs: 8000 })
  const env = { DATABASE_URL: database.url, ...sandbox.env, LEASE_SECONDS: '2' }
  const first = startProgram('src/cli/job.ts', ['crm-contacts'], env)
  const id = await until('the first runs', async () => {
    const { rows } = await sql<{
      id: string
    }>`select id from ledger.job_calls where status = 'running'`.execute(database.db)
    return rows[0]?.id
  })
  for (const args of [['crm-contacts'], ['crm-contacts', '--new']]) {
    const second = await job(env, ...args)
    const line = second.lines.find((one) => one.includes(`job call ${id} is running in `))
    expect([second.code, line]).toEqual([1, expect.stringMatching(/^crm-contacts: job call/)])
  }
  await sandbox.admin('PATCH', '/amocrm/settings', { latencyMs: 0 })
  expect(await first.exited).toBe(0)
}, 120_000)

test('--new starts afresh where a failed call would be taken up', async () => {
  const database = await createDatabase()
  const sandbox = await startTestSandbox()
  const env = { DATABASE_URL: database.url, ...sandbox.env }
  const refused = await job({ ...env, AMOCRM_ACCESS_TOKEN: 'of-another' }, 'crm-contacts')
  expect(refused.code).toBe(1)
  expect(refused.output).toContain('check AMOCRM_ACCESS_TOKEN: wrong, expired or revoked')
  const fresh = await job(env, 'crm-contacts', '--new')
  expect([fresh.code, fresh.lines[0]]).toEqual([0, expect.stringMatching(/^job call /)])
  const { rows } =
    await sql`select status, attempt, fresh from ledger.job_calls order by id`.execute(database.db)
  expect(rows).toEqual([
    { status: 'failed', attempt: 1, fresh: false },
    { status: 'succeeded', attempt: 1, fresh: true },
  ])
})
