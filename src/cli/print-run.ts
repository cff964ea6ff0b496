import type { Db } from '../db/connect.ts'
import type { JobCall } from '../db/job-calls.ts'
import type { ErrorRecord } from '../errors.ts'
import { isoTime, oneLine, plural, span, tookFrom } from './format.ts'
import { type Cell, plainTable } from './plain-table.ts'

const mostStreams = 60

const head = [
  'service',
  'operation',
  'subject',
  'status',
  'pages',
  'requests',
  'retries',
  'read',
  'inserted',
  'updated',
  'unchanged',
  'rejected',
  'throttled',
]

/** Prints a job call as the ledger has it: its streams, its sums, its result or error. */
export async function printRun(db: Db, call: JobCall): Promise<void> {
  const run = await db
    .selectFrom('ledger.runs')
    .selectAll()
    .where('id', '=', call.id)
    .executeTakeFirstOrThrow()
  const streams = await db
    .selectFrom('ledger.service_calls')
    .selectAll()
    .where('job_call_id', '=', call.id)
    .orderBy('id')
    .limit(mostStreams)
    .execute()
  const rows = streams.map((s) => [
    s.service,
    s.operation,
    oneLine(s.subject, 40),
    s.status,
    ...counts(s),
  ])
  const all = run.streams ?? 0
  if (all > mostStreams)
    rows.push(['...', `and ${all - mostStreams} more`, '', '', ...head.slice(4).map(() => '')])
  rows.push(['', '', plural(all, 'stream'), '', ...counts(run)])
  const lines = [
    plainTable(head, rows),
    '',
    `${call.job} ${call.id}: ${call.status}, attempt ${call.attempt}${took(call)}`,
    ...describeEnd(call),
  ]
  if (run.children)
    lines.push(
      `${plural(run.children, 'child call')}: ${run.children_failed} failed, ${run.children_open} open`,
    )
  if (run.analysis_open)
    lines.push(`${run.analysis_open} analyses are still out: npm run ledger -- show ${call.id}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

type Counted =
  | 'pages'
  | 'requests'
  | 'retries'
  | 'rows_read'
  | 'rows_inserted'
  | 'rows_updated'
  | 'rows_unchanged'
  | 'rows_rejected'
  | 'throttled_ms'

function counts(of: Record<Counted, number | null>): Cell[] {
  return [
    of.pages,
    of.requests,
    of.retries,
    of.rows_read,
    of.rows_inserted,
    of.rows_updated,
    of.rows_unchanged,
    of.rows_rejected,
    span(of.throttled_ms ?? 0),
  ]
}

function describeEnd(call: JobCall): string[] {
  const error = call.error as ErrorRecord | null
  return [
    call.result && `result: ${oneLine(JSON.stringify(call.result))}`,
    error && oneLine(`${error.kind}: ${error.message}`),
    error?.hint && oneLine(error.hint),
    call.status === 'waiting' &&
      call.next_attempt_at &&
      `parked until ${isoTime(call.next_attempt_at)}: a worker goes on then`,
  ].filter((line) => typeof line === 'string')
}

function took({ started_at, finished_at }: JobCall): string {
  return started_at && finished_at ? `, ${tookFrom(started_at, finished_at)}` : ''
}
