import * as fc from 'fast-check'
import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'

export interface Stream {
  operation: string
  status: 'open' | 'done' | 'failed' | 'skipped'
  pages: number
  requests: number
  retries: number
  rows_inserted: number
  rows_updated: number
  rows_unchanged: number
  rows_rejected: number
  throttled_ms: number
  credits: number
}

export interface Call {
  id: string
  job: string
  parent: string | null
  status: 'queued' | 'running' | 'waiting' | 'succeeded' | 'failed' | 'cancelled'
  /** Before now. */
  minutesAgo: number
  seconds: number
  attempt: number
  streams: Stream[]
}

const count = fc.oneof(fc.constant(0), fc.nat(5), fc.nat(3_000_000))
const stream = fc.record({
  status: fc.constantFrom('open', 'done', 'failed', 'skipped'),
  pages: count,
  requests: count,
  retries: count,
  rows_inserted: count,
  rows_updated: count,
  rows_unchanged: count,
  rows_rejected: count,
  throttled_ms: count,
  credits: count,
})
const call = fc.record({
  status: fc.constantFrom('queued', 'running', 'waiting', 'succeeded', 'failed', 'cancelled'),
  seconds: fc.integer({ min: 1, max: 50 }),
  attempt: fc.integer({ min: 1, max: 9 }),
  streams: fc.array(stream, { maxLength: 3 }),
})
const root = fc.record({
  job: fc.constantFrom('alpha', 'beta & <b>sons</b>', 'crm-contacts', 'delta/"4"'),
  call,
  children: fc.array(call, { maxLength: 3 }),
})

/** What may stand in a ledger: calls of some jobs, a minute and more apart, with children and streams. */
export const randomLedger = fc.array(root, { maxLength: 12 }).map((roots) => {
  let serial = 0
  const made = (minutesAgo: number, job: string, parent: string | null, one: RandomCall): Call => ({
    ...one,
    id: idOf(minutesAgo, serial++),
    job,
    parent,
    minutesAgo,
    streams: one.streams.map((each, n) => ({ ...each, operation: `op-${n}` })),
  })
  return roots.flatMap(({ job, call: own, children }, n) => {
    const top = made(2 + 3 * n, job, null, own)
    return [top, ...children.map((child) => made(1 + 3 * n, 'child', top.id, child))]
  })
})

type RandomCall = typeof call extends fc.Arbitrary<infer T> ? T : never

/** A uuid v7 of that time. */
function idOf(minutesAgo: number, serial: number): string {
  const ms = (Math.floor(Date.now() / 1000) * 1000 - minutesAgo * 60_000)
    .toString(16)
    .padStart(12, '0')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${serial.toString(16).padStart(12, '0')}`
}

/** Puts a ledger in the place of the one that is there. */
export async function writeLedger(db: Db, calls: readonly Call[]): Promise<void> {
  await sql`truncate ledger.job_calls, ledger.service_calls`.execute(db)
  await sql`
    insert into ledger.job_calls (id, root_id, parent_id, job, subject, trigger, status, attempt, queued_at, started_at, finished_at, error, lease_token, lease_expires_at)
    select id, coalesce(parent, id), parent, job, id::text, case when parent is null then 'cli' else 'job' end, status, attempt, at, at,
      case when status in ('succeeded', 'failed', 'cancelled') then at + make_interval(secs => seconds) end,
      case status when 'failed' then '{"kind": "bug", "message": "<b>&"}'::jsonb end,
      case status when 'running' then gen_random_uuid() end, case status when 'running' then now() + interval '1 hour' end
    from jsonb_to_recordset(${JSON.stringify(calls)}::jsonb)
      as c (id uuid, parent uuid, job text, status text, attempt int, seconds int, "minutesAgo" int),
      lateral (select date_trunc('second', now()) - make_interval(mins => "minutesAgo") as at) t`.execute(
    db,
  )
  const streams = calls.flatMap(({ id, streams: own }) =>
    own.map((one) => ({ ...one, job_call_id: id })),
  )
  await sql`
    insert into ledger.service_calls (job_call_id, service, operation, status, pages, requests, retries, rows_read,
      rows_inserted, rows_updated, rows_unchanged, rows_rejected, throttled_ms, credits, started_at, finished_at, error)
    select job_call_id, 'amocrm', operation, status, pages, requests, retries,
      rows_inserted + rows_updated + rows_unchanged + rows_rejected,
      rows_inserted, rows_updated, rows_unchanged, rows_rejected, throttled_ms, credits, now(),
      case when status <> 'open' then now() end, case status when 'failed' then '{"kind": "bug", "message": "x"}'::jsonb end
    from jsonb_to_recordset(${JSON.stringify(streams)}::jsonb) as s (job_call_id uuid, operation text, status text, pages bigint,
      requests bigint, retries bigint, rows_inserted bigint, rows_updated bigint, rows_unchanged bigint, rows_rejected bigint,
      throttled_ms bigint, credits bigint)`.execute(db)
}
