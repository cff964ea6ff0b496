import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'
import { runProgram } from '../support/program.ts'
import { startTestSandbox } from '../support/sandbox.ts'

test('a first run brings every contact, a second one writes nothing', async () => {
  const database = await createDatabase()
  const sandbox = await startTestSandbox()
  const env = { DATABASE_URL: database.url, ...sandbox.env }

  const first = await runProgram('src/cli/job.ts', ['crm-contacts'], env)
  expect(first.output).toContain('succeeded')
  expect(first.code).toBe(0)
  const written = await sql<{
    xmin: string
    id: string
  }>`select max(xmin::text::bigint) as xmin, count(*) as id from raw.records`.execute(database.db)

  const before = await sandbox.requests()
  const second = await runProgram('src/cli/job.ts', ['crm-contacts'], env)
  expect(second.code).toBe(0)
  expect((await sandbox.requests()) - before).toBeLessThanOrEqual(3)
  const after = await sql<{
    xmin: string
    id: string
  }>`select max(xmin::text::bigint) as xmin, count(*) as id from raw.records`.execute(database.db)
  expect(after.rows).toEqual(written.rows)
})
