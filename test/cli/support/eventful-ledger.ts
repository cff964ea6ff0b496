import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { startSandbox } from '../../../sandbox/server.ts'
import { connect } from '../../../src/db/connect.ts'
import { createLog } from '../../../src/log.ts'
import { onServer } from '../../support/on-server.ts'
import { unlimited } from '../../support/sandbox.ts'
import { runToEnd } from './run-to-end.ts'

/**
 * A database for a whole file of tests, in which about everything has happened that a ledger can tell of: a run that
 * met bad records and a 429, one whose token was refused, and, written by hand, what takes hours or crashes to come by.
 */
export async function createEventfulLedger(server: string, template: string) {
  const name = `nightledger_${randomBytes(5).toString('hex')}`
  await onServer(server, `create database ${name} template ${template}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  await runSome(url)
  await writeTheRest(url)
  return { url, drop: () => onServer(server, `drop database ${name} with (force)`) }
}

async function runSome(url: string): Promise<void> {
  const sandbox = await startSandbox({ amocrm: { companies: 40, contacts: 600, ...unlimited } })
  try {
    const faults = [
      { kind: 'status', status: 429, body: 'problem', match: 'contacts' },
      {
        kind: 'badRecord',
        records: [3, 4],
        how: ['nameNumber', 'customFieldsShape'],
        match: 'contacts?',
        times: 2,
      },
    ]
    await fetch(`${sandbox.url}/_sandbox/amocrm/faults`, {
      method: 'POST',
      body: JSON.stringify(faults),
      headers: { 'content-type': 'application/json' },
    })
    const env = {
      DATABASE_URL: url,
      AMOCRM_BASE_URL: sandbox.baseUrls.amocrm,
      AMOCRM_ACCESS_TOKEN: 'sandbox-token',
      AMOCRM_REQUESTS_PER_SECOND: '1000',
    }
    const first = await runToEnd('src/cli/job.ts', ['crm-contacts'], env)
    expect(first.output).toContain('succeeded')
    const refused = await runToEnd('src/cli/job.ts', ['crm-contacts'], {
      ...env,
      AMOCRM_ACCESS_TOKEN: 'of-another',
    })
    expect(refused.code).toBe(1)
  } finally {
    await sandbox.close()
  }
}

async function writeTheRest(url: string): Promise<void> {
  const connection = connect(url, { log: createLog('error'), max: 2 })
  const { db } = connection
  const running = await sql<{ id: string }>`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, lease_token, lease_expires_at, worker, progress)
    select id, id, 'crm-contacts', 'cli', 'companies 1', 'running', 1, now() - interval '5 minutes', gen_random_uuid(),
      now() - interval '1 minute', 'gone:1:abc', '{"pages": 3, "rows": 750, "streams": 1}'
    from (select ledger.uuid_v7() as id) new returning id`.execute(db)
  await sql`
    insert into ledger.service_calls (job_call_id, service, operation, subject, cursor, pages, requests, rows_read, rows_inserted, started_at)
    values (${running.rows[0]?.id}, 'amocrm', 'contacts', '0..1700000000', '{"page": 4}', 3, 3, 750, 750, now() - interval '5 minutes')`.execute(
    db,
  )
  await sql`
    with parent as (
      insert into ledger.job_calls (id, root_id, job, trigger, status, attempt, started_at, finished_at, error)
      select id, id, 'profiles', 'cli', 'failed', 1, now() - interval '1 hour', now(), '{"kind": "children", "message": "1 of 2 child calls failed"}'
      from (select ledger.uuid_v7() as id) new returning id
    ), child as (
      insert into ledger.job_calls (parent_id, root_id, job, trigger, subject, status, attempt, started_at, finished_at, error)
      select id, id, 'profile', 'job', s, case s when 'anna' then 'failed' else 'succeeded' end, 1, now(), now(),
        case s when 'anna' then '{"kind": "not_found", "message": "no such profile"}'::jsonb end
      from parent, unnest(array['anna', 'boris']) s returning id, subject
    )
    insert into ledger.service_calls (job_call_id, service, operation, subject, status, error, started_at, finished_at)
    select id, 'instagram', 'profile', subject, 'failed', '{"kind": "not_found", "message": "no such profile"}', now(), now()
    from child where subject = 'anna'`.execute(db)
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, finished_at, next_attempt_at, cancel_requested_at, cancel_requested_by)
    select id, id, 'crm-contacts', 'cli', subject, status, 1, now(), case status when 'cancelled' then now() end,
      case status when 'waiting' then now() + interval '40 minutes' end,
      case status when 'cancelled' then now() end, case status when 'cancelled' then 'anna@desk' end
    from (values ('companies 2', 'cancelled'), ('companies 3', 'waiting')) v (subject, status), lateral (select ledger.uuid_v7() as id where subject <> '') new`.execute(
    db,
  )
  await sql`insert into ledger.actions (who, door, action, service) values ('anna', 'page', 'unblock', 'amocrm')`.execute(
    db,
  )
  await sql`
    with stream as (
      insert into ledger.service_calls (job_call_id, service, operation, status, started_at, finished_at)
      select id, 'text-ml', 'poll', 'done', now(), now() from ledger.job_calls where subject = 'boris' returning id, job_call_id
    ), batch as (
      insert into ledger.analysis_batches (id, service, kind, status, items, remote_id) values (gen_random_uuid(), 'text-ml', 'text', 'out', 1, 'job_1')
      returning id
    ), read as (
      insert into public.text_analysis (text_key, language, sentiment, model, analysed_at, service_call_id)
      select text_key('fine'), 'en', 'positive', 'some', now(), id from stream
    )
    insert into ledger.analysis_tasks (content_key, service, kind, status, job_call_id, root_call_id, attempt, batch_id, error, finished_at)
    select text_key(t), 'text-ml', 'text', status, job_call_id, job_call_id, 1, case status when 'submitted' then batch.id end, error::jsonb,
      case when status <> 'submitted' then now() end
    from stream, batch, (values ('fine', 'succeeded', null), ('out', 'submitted', null),
      ('bad', 'failed', '{"kind": "bad_request", "message": "content_blocked: not nice"}')) v (t, status, error)`.execute(
    db,
  )
  await sql`insert into ledger.schedules (job) values ('crm-contacts')`.execute(db)
  await sql`
    insert into ledger.ticks (job, scheduled_for, skipped_reason) values
      ('crm-contacts', now() - interval '1 day', 'job call 0 was still running'),
      ('crm-contacts', now() - interval '10 minutes', null)`.execute(db)
  await sql`insert into ledger.workers (id, host, pid, roles, concurrency) values ('desk:7:abc', 'desk', 7, '{worker}', 8)`.execute(
    db,
  )
  await sql`analyze`.execute(db)
  await connection.close()
}
