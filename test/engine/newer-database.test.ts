import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { migrate } from '../../src/db/migrate.ts'
import { createDatabase } from '../support/database.ts'
import { runProgram } from '../support/program.ts'

const pretend = (name: string) => sql`
  insert into ledger.kysely_migration (name, timestamp) values (${name}, '2030-01-01T00:00:00Z')`

test('code that is older than the database starts, and leaves it as it is', async () => {
  const { db, url } = await createDatabase()
  await pretend('9999_of_the_next_release').execute(db)
  await sql`alter table ledger.job_calls add column of_the_next_release text`.execute(db)
  const { code, output } = await runProgram('src/cli/ledger.ts', ['runs'], { DATABASE_URL: url })
  expect({ code, output }).toEqual({ code: 0, output: 'no runs\n' })
})

test('a database that lacks something, and has something else, is refused', async () => {
  const database = await createDatabase()
  await pretend('9999_of_somebody_else').execute(database.db)
  await sql`delete from ledger.kysely_migration where name like '0012%'`.execute(database.db)
  await expect(migrate(database)).rejects.toThrow('9999_of_somebody_else')
})
