import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createDatabase } from '../support/database.ts'

test('what waits for workers that are busy is not stuck; a crowd that is stuck is one trouble', async () => {
  const { db } = await createDatabase()
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, queued_at)
    select id, id, 'profile', 'cli', n::text, 'queued', now() - interval '10 minutes'
    from generate_series(1, 40) n, lateral (select ledger.uuid_v7() as id where n > 0) made`.execute(
    db,
  )
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, status, attempt, started_at, lease_token, lease_expires_at, worker)
    select id, id, 'busy', 'cli', 'running', 1, now(), gen_random_uuid(), now() + interval '1 minute', 'w:1:x'
    from ledger.uuid_v7() as id`.execute(db)
  await sql`insert into ledger.workers (id, host, pid, roles, concurrency) values ('w:1:x', 'w', 1, '{worker}', 1)`.execute(
    db,
  )
  const stuck = async () => (await sql`select from ledger.stuck`.execute(db)).rows.length
  const troubles = async () =>
    (await sql`select what, job, why from ledger.trouble`.execute(db)).rows
  expect([await stuck(), await troubles()]).toEqual([0, []])
  await sql`update ledger.workers set concurrency = 2`.execute(db)
  expect(await stuck()).toBe(40)
  expect(await troubles()).toEqual([
    {
      what: 'stuck',
      job: 'profile',
      why: '40 calls: due, but no worker takes it: is one running?',
    },
  ])
})
