import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Db } from '../../src/db/connect.ts'
import { createDatabase } from '../support/database.ts'
import { runProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'
import { emptyTables, succeed } from './support.ts'

const idsIn = async (db: Db, table: 'contacts' | 'companies') => {
  const rows = await db.selectFrom(table).select('external_id').orderBy('external_id').execute()
  return rows.map(({ external_id: id }) => id)
}

test('by entity, by time, by job call, by stream', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 30, companies: 4 })
  const first = await succeed(database, 'crm-contacts', {}, sandbox.env)
  const all = await idsIn(db, 'contacts')
  const early = all.slice(0, 10)
  await sql`update raw.records set fetched_at = '2026-01-05T10:00:00Z' where external_id = any(${early}::text[])`.execute(
    db,
  )
  const changes = [{ op: 'update', id: Number(all[20]), set: { name: 'New' } }]
  await sandbox.admin('POST', '/amocrm/changes', { changes })
  const second = await succeed(database, 'crm-contacts', {}, sandbox.env)
  const stream = await db
    .selectFrom('contacts')
    .select('service_call_id as id')
    .where('external_id', '=', all[20] ?? '')
    .executeTakeFirstOrThrow()

  const replayed = async (params: object) => {
    await emptyTables(db, 'amocrm')
    await succeed(database, 'replay', params)
    return await idsIn(db, 'contacts')
  }
  expect(await replayed({ entity: 'companies' })).toEqual([])
  expect(await idsIn(db, 'companies')).toHaveLength(4)
  expect(await replayed({ source: 'apollo' })).toEqual([])
  expect(await replayed({ source: 'amocrm', entity: 'contacts' })).toEqual(all)
  expect(await idsIn(db, 'companies')).toEqual([])
  expect(await replayed({ until: '2026-01-05T10:00:00Z' })).toEqual([])
  expect(await replayed({ until: '2026-01-06' })).toEqual(early)
  expect(await replayed({ since: '2026-01-05T12:00:00+02:00', until: '2026-01-06' })).toEqual(early)
  expect(await replayed({ since: '2026-01-05T12:00:01+02:00' })).toEqual(all.slice(10))
  expect(await replayed({ jobCall: second.id })).toEqual([all[20]])
  expect(await replayed({ serviceCall: stream.id })).toEqual([all[20]])
  expect(await replayed({ jobCall: first.id })).toEqual(all.filter((id) => id !== all[20]))
  // What a call under it wrote is its as well.
  await db
    .updateTable('ledger.job_calls')
    .set({ parent_id: first.id, root_id: first.id, trigger: 'job' })
    .where('id', '=', second.id)
    .execute()
  expect(await replayed({ jobCall: first.id, entity: 'contacts', since: '2026-01-06' })).toEqual(
    all.slice(10),
  )
})

test('what is wrong with the parameters, in one line, and 2', async () => {
  const database = await createDatabase()
  const env = { DATABASE_URL: database.url }
  const nobody = '01a20529-0595-77d3-af7c-ea97057c39de'
  const wrong: [params: object, line: RegExp][] = [
    [
      { source: 'hubspot' },
      /^parameters of replay: source: there is no such source; there is amocrm, apollo, instagram, vision, text-ml$/,
    ],
    [
      { source: 'amocrm', entity: 'posts' },
      /^parameters of replay: entity: there is no such entity of amocrm; there is contacts, deleted_contacts, companies, contact_notes$/,
    ],
    [
      { entity: 'post' },
      /^parameters of replay: entity: there is no such entity; there is contacts, .*people, people\.matched, profiles, posts, /,
    ],
    [
      { since: 'yesterday' },
      /^parameters of replay: since: must be a time such as 2026-11-22T02:00:00Z, or a date$/,
    ],
    [
      { since: '2026-02-02', until: '2026-02-02' },
      /^parameters of replay: until: must be after since$/,
    ],
    [{ jobCall: '12' }, /^parameters of replay: jobCall: must be the id of a job call$/],
    [{ sources: 'amocrm' }, /^parameters of replay: Unrecognized key: "sources"$/],
  ]
  for (const [params, line] of wrong) {
    const answer = await runProgram(
      'src/cli/job.ts',
      ['replay', '--params', JSON.stringify(params)],
      env,
    )
    expect([answer.code, answer.output.split('\n')[0]]).toEqual([2, expect.stringMatching(line)])
  }
  for (const params of [{ jobCall: nobody }, { serviceCall: nobody }]) {
    const args = ['replay', '--dry-run', '--params', JSON.stringify(params)]
    const answer = await runProgram('src/cli/job.ts', args, env)
    expect(answer).toMatchObject({
      code: 2,
      output: expect.stringMatching(/^there is no (job|service) call 01a2/),
    })
  }
})

test('--dry-run says how many records, and writes nothing', async () => {
  const database = await createDatabase()
  const { db } = database
  const sandbox = await startTestSandbox({ contacts: 30, companies: 4 })
  await succeed(database, 'crm-contacts', {}, sandbox.env)
  await emptyTables(db, 'amocrm')
  const answer = await runProgram('src/cli/job.ts', ['replay', '--dry-run'], {
    DATABASE_URL: database.url,
  })
  expect(answer.code).toBe(0)
  expect(answer.stdout).toMatch(/^replay\.contacts +0 +30 records of amocrm$/m)
  expect(answer.stdout).toMatch(/^replay\.companies +0 +4 records of amocrm$/m)
  expect(answer.stdout).not.toMatch(/posts/)
  expect(await idsIn(db, 'contacts')).toEqual([])
})
