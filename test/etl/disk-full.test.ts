import { sql } from 'kysely'
import { pino } from 'pino'
import { expect, test } from 'vitest'
import { insertJobCalls } from '../../src/db/job-calls.ts'
import { takeUp } from '../../src/db/leases.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import type { Operation } from '../../src/etl/stream.ts'
import { createDatabase } from '../support/database.ts'

test('a page waits until Postgres has room again', async () => {
  const { db } = await createDatabase()
  await sql`create sequence tries`.execute(db)
  await sql`
    create function full_at_first() returns trigger language plpgsql as $$
    begin
      if nextval('tries') <= 2 then raise exception 'no space left on device' using errcode = 'disk_full'; end if;
      return new;
    end $$`.execute(db)
  await sql`
    create trigger full_at_first before insert on raw.records for each statement execute function full_at_first()`.execute(
    db,
  )
  const call = { job: 'full', trigger: 'cli', subject: '', params: {}, wake: false } as const
  const [id = ''] = await db.transaction().execute((trx) => insertJobCalls(trx, [call]))
  const lease = await takeUp(db, id, { worker: 'test', leaseSeconds: 20 })
  if (!lease) throw new Error('no lease')
  const never = new AbortController().signal
  const deps = { db, log: pino({ level: 'silent' }), lease, stopping: never, signal: never }
  const people: Operation<{ page: number }, never> = {
    service: 'apollo',
    operation: 'people',
    entity: {
      source: 'apollo',
      entity: 'people',
      idOf: (record) => String((record as { id: number }).id),
      transform: () => ({ reject: 'none' }),
      load: async () => {},
    },
    extract: async () => ({ records: [{ id: 1 }], next: null }),
  }
  await runStreams(deps, people, [{ subject: '', cursor: { page: 1 } }], { parallel: 1 })
  const streams = await db
    .selectFrom('ledger.service_calls')
    .select(['status', 'pages', 'rows_read'])
    .execute()
  expect(streams).toEqual([{ status: 'done', pages: 1, rows_read: 1 }])
})
