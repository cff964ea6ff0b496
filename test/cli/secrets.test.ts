import { sql } from 'kysely'
import { expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { onServer } from '../support/on-server.ts'
import { runToEnd } from './support/run-to-end.ts'
import { startEchoingUpstream } from './support/echoing-upstream.ts'
import { startTestSandbox } from '../support/sandbox.ts'

const password = 'p@ss/w#rd?100% "ж"'
const token = 'very-secret.token+/=0123456789'

/** Every form in which a secret could be met, and pieces that are long enough to matter. */
const secrets = [password, token].flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString('base64'),
  JSON.stringify(secret).slice(1, -1),
])
secrets.push('p@ss', 'w#rd', 'very-secret')

function expectNoSecret(text: string): void {
  for (const secret of secrets) expect(text).not.toContain(secret)
}

/** A role of its own on the test server, whose password is all special characters. */
async function createOwner({ url }: TestDatabase): Promise<string> {
  const server = inject('postgresUrl')
  const role = `owner_${new URL(url).pathname.slice(-6)}`
  await onServer(server, `create role ${role} superuser login password '${password}'`)
  onTestFinished(() => onServer(server, `drop role ${role}`))
  return Object.assign(new URL(url), { username: role, password: encodeURIComponent(password) })
    .href
}

async function dump({ db }: TestDatabase): Promise<string> {
  const { rows: tables } = await sql<{ name: string }>`
    select format('%I.%I', nspname, relname) as name from pg_class c join pg_namespace n on n.oid = relnamespace
    where relkind = 'r' and nspname in ('ledger', 'raw', 'public', 'graphile_worker')`.execute(db)
  let text = ''
  for (const { name } of tables) {
    const { rows } = await sql<{
      line: string
    }>`select t::text as line from ${sql.raw(name)} t`.execute(db)
    text += rows.map((row) => row.line).join('\n')
  }
  return text
}

test('an upstream that repeats the token: not in what is printed or logged at trace, nor in any table', async () => {
  const database = await createDatabase()
  const upstream = await startEchoingUpstream()
  const env = {
    DATABASE_URL: await createOwner(database),
    AMOCRM_BASE_URL: upstream.url,
    AMOCRM_ACCESS_TOKEN: token,
    LOG_LEVEL: 'trace',
  }
  const cases: [kind: string, answer: () => void][] = [
    [
      'unauthorized',
      () =>
        upstream.answerWith(401, 'application/problem+json', (bearer) =>
          JSON.stringify({ title: 'Unauthorized', detail: `no such token: Bearer ${bearer}` }),
        ),
    ],
    [
      'streams',
      () =>
        upstream.answerWith(
          400,
          'text/plain',
          (bearer) => `${encodeURIComponent(bearer)} ${Buffer.from(bearer).toString('base64')}`,
        ),
    ],
    [
      'bad_answer',
      () =>
        upstream.answerWith(200, 'text/html', (bearer) => `<html><body>${bearer}</body></html>`),
    ],
    [
      'bad_answer',
      () =>
        upstream.answerWith(200, 'application/json', (bearer) => `{"token": "${bearer}", broken`),
    ],
    [
      'bad_answer',
      () =>
        upstream.answerWith(
          302,
          'text/plain',
          (bearer) => bearer,
          (bearer) => ({ location: `https://login.example/${bearer}?token=${bearer}` }),
        ),
    ],
    [
      'blocked',
      () => upstream.answerWith(403, 'text/html', (bearer) => `<html>${bearer} is blocked</html>`),
    ],
  ]
  for (const [kind, answer] of cases) {
    answer()
    const run = await runToEnd('src/cli/job.ts', ['crm-contacts', '--new'], env)
    expect([run.code, run.output]).toEqual([
      1,
      expect.stringMatching(new RegExp(`^(${kind}|streams): `, 'm')),
    ])
    expect(run.output).toContain('"level":"trace"')
    expectNoSecret(run.output)
  }
  const { rows } = await sql<{
    id: string
  }>`select id from ledger.job_calls order by id limit 1`.execute(database.db)
  for (const args of [
    ['runs'],
    ['show', rows[0]?.id ?? ''],
    ['usage'],
    ['sql', 'select * from ledger.runs'],
  ]) {
    const shown = await runToEnd('src/cli/ledger.ts', args, env)
    expect(shown.code).toBe(0)
    expectNoSecret(shown.output)
  }
  const everything = await dump(database)
  expect(everything).toContain('[hidden]')
  expectNoSecret(everything)
})

test('a whole run at trace, with a password and a token that are special', async () => {
  const database = await createDatabase()
  const sandbox = await startTestSandbox({ token, companies: 4, contacts: 30 })
  const env = { ...sandbox.env, DATABASE_URL: await createOwner(database), LOG_LEVEL: 'trace' }
  const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], env)
  expect([run.code, run.output]).toEqual([0, expect.stringContaining('succeeded')])
  expectNoSecret(run.output)
  expectNoSecret(await dump(database))
})

test('no database: one clear line and one with what to do, 1, and nothing of the password', async () => {
  const database = await createDatabase()
  const right = new URL(await createOwner(database))
  const other = (change: Partial<URL>) => Object.assign(new URL(right), change).href
  const cases: [url: string, line: RegExp][] = [
    [other({ port: '1' }), /^no database: .*ECONNREFUSED/],
    [
      other({ password: 'very-secret-and-wrong' }),
      /^no database: .*password authentication failed/,
    ],
    [other({ pathname: '/no_such' }), /^no database: .*"no_such" does not exist/],
    // Unencoded, the password breaks the address in every way that a parser can stumble over.
    [`postgres://me:${password}@127.0.0.1/db`, /^DATABASE_URL: must look like postgres:/],
    [`postgres:/me:${password}@127.0.0.1/db`, /^DATABASE_URL: must look like postgres:/],
    [`me:${password}`, /^DATABASE_URL: must look like postgres:/],
  ]
  for (const [url, line] of cases) {
    const run = await runToEnd('src/cli/job.ts', ['crm-contacts'], {
      DATABASE_URL: url,
      AMOCRM_BASE_URL: 'http://127.0.0.1:1',
      AMOCRM_ACCESS_TOKEN: token,
      LOG_LEVEL: 'trace',
    })
    const lines = run.output.split('\n').filter((one) => one && !one.startsWith('{'))
    expect([run.code, lines.length, lines[0]]).toEqual([1, 2, expect.stringMatching(line)])
    expectNoSecret(run.output)
  }
})
