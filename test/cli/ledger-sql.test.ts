import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { readOnlyQuery } from '../../src/cli/ledger/read-only-query.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { onServer } from '../support/on-server.ts'
import { runToEnd } from './support/run-to-end.ts'
import { hostileStatements } from './support/hostile-statements.ts'

const limits = { seconds: 2, rows: 100 }

/** What must be the same afterwards: everything that is written anywhere, and who may do what. */
async function fingerprint({ db }: TestDatabase): Promise<unknown> {
  const { rows } = await sql`
    select (select count(*) from ledger.rejects) as rejects, (select count(*) from ledger.schedules where paused) as paused,
      (select count(*) from pg_class) as relations, (select count(*) from pg_proc) as functions,
      (select json_agg(r order by oid) from pg_authid r where rolname in (current_user, 'nightledger_reader')) as roles, (select count(*) from pg_largeobject_metadata) as objects,
      (select last_value from ledger.rejects_id_seq) as sequence, (select count(*) from graphile_worker.jobs) as jobs`.execute(
    db,
  )
  return rows[0]
}

test('no statement writes, runs a program, reads a file, or gets out of its role', async () => {
  const database = await createDatabase()
  await sql`insert into ledger.schedules (job) values ('victim')`.execute(database.db)
  await sql`insert into ledger.rejects (source, entity, external_id, reason, job_call_id, service_call_id)
    values ('x', 'x', '1', 'x', gen_random_uuid(), gen_random_uuid())`.execute(database.db)
  const before = await fingerprint(database)
  const { rows } = await sql<{ major: number }>`
    select current_setting('server_version_num')::int / 10000 as major`.execute(database.db)
  // Before Postgres 16 large objects can be made in a read-only transaction, too: there only the rollback undoes it.
  const undone = (rows[0]?.major ?? 0) < 16 ? /^refused: |^select lo_from_bytea/ : /^refused: /
  for (const statement of hostileStatements) {
    const outcome = await readOnlyQuery(database.pool, statement, limits).then(
      (answer) => `${statement}: answered ${JSON.stringify(answer.rows)}`,
      (error: unknown) => `refused: ${error instanceof Error ? error.message : String(error)}`,
    )
    expect(outcome).toMatch(undone)
  }
  expect(await fingerprint(database)).toEqual(before)
})

test('what a statement leaves behind goes with its connection', async () => {
  const { pool } = await createDatabase()
  await readOnlyQuery(
    pool,
    "select set_config('nightledger.mine', 'x', false), pg_advisory_lock(4711)",
    limits,
  )
  const { rows } = await readOnlyQuery(
    pool,
    "select current_setting('nightledger.mine', true), (select count(*) from pg_locks where locktype = 'advisory' and objid = 4711), current_user",
    limits,
  )
  expect(rows).toEqual([[null, '0', 'nightledger_reader']])
})

test('time is limited, also for a statement that lifts its own limit', async () => {
  const { pool } = await createDatabase()
  const begun = performance.now()
  for (const text of [
    'select pg_sleep(100)',
    "select set_config('statement_timeout', '0', false), pg_sleep(100)",
  ])
    await expect(readOnlyQuery(pool, text, { rows: 1, seconds: 1 })).rejects.toThrow(
      'statement timeout',
    )
  expect(performance.now() - begun).toBeLessThan(6000)
})

test('rows are limited where they are read, not where they are printed', async () => {
  const { pool } = await createDatabase()
  const begun = performance.now()
  const answer = await readOnlyQuery(
    pool,
    'with recursive g (n) as (select 1 union all select n + 1 from g) select n from g',
    {
      rows: 3,
      seconds: 20,
    },
  )
  expect([answer.rows, answer.cut]).toEqual([[['1'], ['2'], ['3']], true])
  expect(performance.now() - begun).toBeLessThan(5000)
})

test('without the role, the read-only transaction holds alone', async () => {
  const database = await createDatabase()
  const plain = `plain_${database.url.slice(-6)}`
  const url = new URL(database.url)
  await onServer(database.url, `create role ${plain} login password 'plain'`)
  const env = {
    DATABASE_URL: Object.assign(new URL(url), { username: plain, password: 'plain' }).href,
  }
  try {
    await onServer(
      database.url,
      `grant usage on schema ledger to ${plain}; grant select on all tables in schema ledger to ${plain}`,
    )
    const { default: pg } = await import('pg')
    const pool = new pg.Pool({ connectionString: env.DATABASE_URL, max: 1 })
    const answer = await readOnlyQuery(
      pool,
      'select current_user as me, count(*) from ledger.runs',
      limits,
    )
    expect([answer.rows, answer.asReader]).toEqual([[[plain, '0']], false])
    await expect(
      readOnlyQuery(pool, 'delete from ledger.ticks returning 1', limits),
    ).rejects.toThrow(/read-only|denied/)
    await pool.end()
  } finally {
    await onServer(database.url, `drop owned by ${plain}; drop role ${plain}`)
  }
})

test('the command prints a table, JSON, notes and errors with their place', async () => {
  const database = await createDatabase()
  const ledger = async (...args: string[]) =>
    await runToEnd('src/cli/ledger.ts', ['sql', ...args], { DATABASE_URL: database.url })

  const table = await ledger(
    "select n, 'a\nb' || chr(27) as text, null as nothing from generate_series(9, 10) n",
  )
  expect(table.stdout).toBe(' n  text  nothing\n 9  a b\n10  a b\n')
  const json = await ledger(
    '--json',
    '--limit',
    '1',
    'select 9007199254740993 as big, \'{"a": [1]}\'::jsonb as j from generate_series(1, 2)',
  )
  expect(json.stdout).toBe('{"big":9007199254740993,"j":{"a": [1]}}\n')
  expect(json.output).toContain('... and more: the first 1 row')
  expect([table.code, json.code]).toEqual([0, 0])

  const errors = [
    [
      'select nothing\nfrom nowhere',
      2,
      'relation "nowhere" does not exist, at line 2, character 6',
    ],
    ["select 'ж' || nope", 2, 'column "nope" does not exist, at character 15'],
    ['select 1; drop table ledger.ticks', 2, 'exactly one statement was expected'],
  ] as const
  for (const [statement, code, line] of errors) {
    const answer = await ledger(statement)
    expect([answer.code, answer.output.split('\n')[0]]).toEqual([code, line])
    expect(answer.output.trim().split('\n').length).toBeLessThanOrEqual(2)
  }
  const slow = await ledger('--timeout', '1', 'select pg_sleep(100)')
  expect([slow.code, slow.output]).toEqual([1, 'stopped after 1 second: --timeout allows more\n'])
})
