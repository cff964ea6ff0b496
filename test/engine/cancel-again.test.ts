import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { cancelTree } from '../../src/db/cancel.ts'
import { createDatabase } from '../support/database.ts'
import { callOf, queueCall } from './support/calls.ts'

test('cancelling again ends what a worker that was to stop has left behind; who asked first is kept', async () => {
  const { db } = await createDatabase()
  const id = await queueCall(db, 'a')
  await sql`update ledger.job_calls set status = 'running', attempt = 1, started_at = now(), worker = 'w',
    lease_token = gen_random_uuid(), lease_expires_at = now() + interval '1 minute' where id = ${id}`.execute(
    db,
  )
  expect(await cancelTree(db, id, 'anna')).toMatchObject({ ended: 0, stopping: 1 })
  expect(await cancelTree(db, id, 'ben')).toMatchObject({ ended: 0, stopping: 1 })
  await sql`update ledger.job_calls set lease_expires_at = now() - interval '1 second' where id = ${id}`.execute(
    db,
  )
  expect(await cancelTree(db, id, 'cleo')).toMatchObject({ ended: 1, stopping: 0 })
  expect(await callOf(db, id)).toMatchObject({ status: 'cancelled', cancel_requested_by: 'anna' })
  expect(await cancelTree(db, id, 'dora')).toMatchObject({ ended: 0, stopping: 0 })
})

test('cancelling again reaches a child that came after its parent was marked', async () => {
  const { db } = await createDatabase()
  const id = await queueCall(db, 'a')
  await sql`update ledger.job_calls set cancel_requested_at = now(), cancel_requested_by = 'anna' where id = ${id}`.execute(
    db,
  )
  await sql`insert into ledger.job_calls (job, trigger, parent_id, root_id) values ('b', 'job', ${id}, ${id})`.execute(
    db,
  )
  expect(await cancelTree(db, id, 'ben')).toMatchObject({ ended: 2, stopping: 0 })
})
