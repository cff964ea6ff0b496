import { sql } from 'kysely'
import { type OperationSums, sumsOfTree } from '../db/call-sums.ts'
import type { Db } from '../db/connect.ts'
import type { JobCall } from '../db/job-calls.ts'
import type { ErrorRecord } from '../errors.ts'
import { isoTime, oneLine, plural, tookFrom } from './format.ts'
import { type Cell, plainTable } from './plain-table.ts'
import { counterCells, streamCells, streamHead } from './stream-columns.ts'

const mostStreams = 60

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
  const rows = streams.map(streamCells)
  const all = run.streams ?? 0
  if (all > mostStreams)
    rows.push([
      '...',
      `and ${all - mostStreams} more`,
      '',
      '',
      ...streamHead.slice(4).map(() => ''),
    ])
  if (run.children) rows.push(...(await sumsOfTree(db, call.id)).map(sumCells))
  else rows.push(['', '', plural(all, 'stream'), '', ...counterCells(run)])
  const lines = [
    plainTable(streamHead, rows),
    '',
    `${call.job} ${call.id}: ${call.status}, attempt ${call.attempt}${took(call)}`,
    ...describeEnd(call),
  ]
  if (run.children)
    lines.push(
      `${plural(run.children, 'child call')}: ${run.children_failed} failed, ${run.children_open} open`,
      ...(await firstFailure(db, call.id)),
    )
  if (run.analysis_open)
    lines.push(`${run.analysis_open} analyses are still out: npm run ledger -- show ${call.id}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

const sumCells = (sums: OperationSums): Cell[] => [
  sums.service,
  sums.operation,
  plural(sums.streams, 'stream'),
  sums.status,
  ...counterCells(sums),
]

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

/** Of the calls below it: why the first one failed that did not fail for those below itself. */
async function firstFailure(db: Db, rootId: string): Promise<string[]> {
  const failed = await db
    .selectFrom('ledger.job_calls')
    .select(['job', 'subject', 'error'])
    .where('root_id', '=', rootId)
    .where('id', '<>', rootId)
    .where('status', '=', 'failed')
    .where(sql<boolean>`error ->> 'kind' <> 'children'`)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
  const error = failed?.error as ErrorRecord | undefined
  if (!failed || !error) return []
  return [
    oneLine(`the first: ${failed.job} ${failed.subject}: ${error.kind}: ${error.message}`),
    ...(error.hint ? [oneLine(error.hint)] : []),
  ]
}

function took({ started_at, finished_at }: JobCall): string {
  return started_at && finished_at ? `, ${tookFrom(started_at, finished_at)}` : ''
}
