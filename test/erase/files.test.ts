import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { rewriteFiles, rewriteFilesAlone } from '../../src/erase/rewrite-files.ts'
import { openFiles } from '../../src/etl/load/files.ts'
import { parseSettings } from '../../src/settings.ts'
import { createDatabase } from '../support/database.ts'
import { startS3 } from '../support/s3.ts'

test('a file that the storage does not take holds no other up; one scheduler at a time is at it', async () => {
  const { db } = await createDatabase()
  const s3 = await startS3()
  const files = openFiles(parseSettings(s3.env))
  // No object can have the first name; the other one is not there any more, so that it is done.
  const left = ['', 'demo-imports/gone.json'].map((key) => ({ job_call_id: randomUUID(), key }))
  await sql`
    insert into ledger.erasures (kind, asked_by, files_left, rows_erased_at)
    values ('lead', 'test', ${JSON.stringify(left)}::jsonb, clock_timestamp())`.execute(db)
  const stillLeft = async () => {
    const { rows } = await sql<{ left: unknown }>`
      select files_left as left from ledger.erasures`.execute(db)
    return rows[0]?.left
  }
  await db.connection().execute(async (other) => {
    await sql`select pg_advisory_lock(hashtext('ledger.erasures.files_left'))`.execute(other)
    await rewriteFilesAlone(db, files)
    expect(await stillLeft()).toEqual(left)
    await sql`select pg_advisory_unlock(hashtext('ledger.erasures.files_left'))`.execute(other)
  })
  await expect(rewriteFilesAlone(db, files)).rejects.toThrow('')
  expect(await stillLeft()).toEqual(left.slice(0, 1))
  await expect(rewriteFiles(db, files)).rejects.toThrow('')
  files?.close()
}, 60_000)
