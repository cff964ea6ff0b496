import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'

const statements = [
  'select r.* from things r where id = ',
  'with chosen as (select 1 as id) select r.* from things r join chosen using (id) where id = ',
  'with live as (select * from things) select * from live where id = ',
  'select "r".*, 1 as one from things r where id = ',
]

test('a column more does not break what was asked often with a star in its answer', async () => {
  const { db } = await createDatabase()
  const ask = async () => {
    for (const one of statements)
      expect((await sql`${sql.raw(one)}${1}`.execute(db)).rows).toEqual([])
  }
  await sql`create table things (id int)`.execute(db)
  for (let n = 0; n < 8; n++) await ask()
  await sql`alter table things add column more int`.execute(db)
  await ask()
})
