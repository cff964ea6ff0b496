import Table from 'cli-table3'
import type { Db } from '../db/connect.ts'
import type { JobCall } from '../db/job-calls.ts'
import type { ErrorRecord } from '../errors.ts'

/** Prints a job call as the ledger has it: its line, its streams, its error. */
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
    .limit(60)
    .execute()
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
    'throttled ms',
  ]
  const table = plainTable(head)
  for (const s of streams) {
    table.push([
      s.service,
      s.operation,
      s.subject.slice(0, 40),
      s.status,
      s.pages,
      s.requests,
      s.retries,
      s.rows_read,
      s.rows_inserted,
      s.rows_updated,
      s.rows_unchanged,
      s.rows_rejected,
      s.throttled_ms,
    ])
  }
  const sum = [
    run.pages,
    run.requests,
    run.retries,
    run.rows_read,
    run.rows_inserted,
    run.rows_updated,
    run.rows_unchanged,
    run.rows_rejected,
    run.throttled_ms,
  ]
  table.push(['', '', `${run.streams} streams`, '', ...sum.map((value) => value ?? 0)])
  const lines = [
    table.toString(),
    '',
    `${call.job} ${call.id}: ${call.status}, attempt ${call.attempt}${took(call)}`,
  ]
  if (call.result) lines.push(`result: ${JSON.stringify(call.result)}`)
  const error = call.error as ErrorRecord | null
  if (error) lines.push(`${error.kind}: ${error.message}`, ...(error.hint ? [error.hint] : []))
  if (call.status === 'waiting' && call.next_attempt_at)
    lines.push(`parked until ${call.next_attempt_at.toISOString()}: a worker goes on then`)
  const open = run.analysis_open ?? 0
  if (open > 0) lines.push(`${open} analyses are still out: npm run ledger -- show ${call.id}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

function took({ started_at, finished_at }: JobCall): string {
  return started_at && finished_at
    ? `, ${((finished_at.getTime() - started_at.getTime()) / 1000).toFixed(1)} s`
    : ''
}

/** A table without frames: for people, and for grep. */
export function plainTable(head: string[]) {
  const none = {
    top: '',
    'top-mid': '',
    'top-left': '',
    'top-right': '',
    bottom: '',
    'bottom-mid': '',
    'bottom-left': '',
    'bottom-right': '',
    left: '',
    'left-mid': '',
    mid: '',
    'mid-mid': '',
    right: '',
    'right-mid': '',
    middle: '  ',
  }
  return new Table({
    head,
    chars: none,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
}
