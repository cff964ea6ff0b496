import { hostname } from 'node:os'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { useLedgerCommand } from './support/ledger-command.ts'

const { db, ledger, idOf } = useLedgerCommand()

test('unblock names the accounts, and wrong services are refused', async () => {
  await sql`insert into ledger.breakers (service, account, reason, opened_by) values ('amocrm', 'demo.amocrm.ru', '403, <html>', 'desk:7')`.execute(
    db(),
  )
  expect((await ledger('usage')).output).toMatch(
    /blocked: .*\n.*\namocrm +demo\.amocrm\.ru +\S+ +desk:7 +403, <html>/,
  )
  const opened = await ledger('unblock', 'amocrm')
  expect([opened.code, opened.lines[0]]).toEqual([0, 'amocrm may be called again: demo.amocrm.ru'])
  expect((await ledger('unblock', 'amocrm')).output).toBe('amocrm was not blocked\n')
  const wrong = await ledger('unblock', 'amo')
  expect([wrong.code, wrong.lines.length]).toEqual([2, 1])
})

test('resume queues a failed call, cancel ends it; both say what they did, and refuse what is over', async () => {
  const id = await idOf("job = 'profile' and subject = 'anna'")
  await sql`update ledger.workers set heartbeat_at = now()`.execute(db())
  const queued = await ledger('resume', id)
  expect([queued.code, queued.output]).toEqual([
    0,
    `profile ${id} is queued: a worker takes it up\n`,
  ])
  const { rows } =
    await sql`select key from graphile_worker.jobs where key = ${`call:${id}`}`.execute(db())
  expect(rows).toHaveLength(1)

  const cancelled = await ledger('cancel', id)
  expect([cancelled.code, cancelled.output]).toEqual([
    0,
    `profile ${id}: 1 call cancelled, 0 stopping\n`,
  ])
  const call = await sql<{ status: string; by: string }>`
    select status, cancel_requested_by as by from ledger.job_calls where id = ${id}`.execute(db())
  expect(call.rows[0]).toMatchObject({
    status: 'cancelled',
    by: expect.stringMatching(new RegExp(`^\\S+@${hostname()}$`)),
  })
  expect((await ledger('cancel', id)).code).toBe(2)

  await sql`update ledger.workers set stopped_at = now()`.execute(db())
  const alone = await ledger('resume', id)
  expect(alone.output).toContain(
    `no worker lives: npm start starts one, or npm run job -- --resume ${id} runs it now`,
  )
  const over = await ledger('resume', await idOf("status = 'succeeded' and job = 'crm-contacts'"))
  expect([over.code, over.lines.length]).toEqual([2, 1])
})

test('a call that runs elsewhere: cancel says that it is stopping, resume that it is held', async () => {
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, lease_token, lease_expires_at, worker)
    select id, id, 'crm-contacts', 'cli', 'companies 9', 'running', 1, now(), gen_random_uuid(), now() + interval '1 minute', 'desk:9:abc'
    from (select ledger.uuid_v7() as id) new`.execute(db())
  const id = await idOf("subject = 'companies 9'")
  const held = await ledger('resume', id)
  expect([held.code, held.lines[0]]).toEqual([
    1,
    `crm-contacts: job call ${id} is running in desk:9:abc`,
  ])
  const stopping = await ledger('cancel', id)
  expect([stopping.code, stopping.lines[0]]).toEqual([
    0,
    `crm-contacts ${id}: 0 calls cancelled, 1 stopping`,
  ])
  expect((await ledger('cancel', id)).lines[0]).toContain('asked for that already')
})
