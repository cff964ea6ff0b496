import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import type { JobCall } from '../db/job-calls.ts'
import type { ErrorRecord } from '../errors.ts'
import { isoTime, oneLine, plural, tookFrom } from './format.ts'
import { type Cell, plainTable } from './plain-table.ts'
import { type Counted, counterCells, streamCells, streamHead } from './stream-columns.ts'

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
  if (run.children) rows.push(...(await sumsOfTree(db, call)))
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
    )
  if (run.analysis_open)
    lines.push(`${run.analysis_open} analyses are still out: npm run ledger -- show ${call.id}`)
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** What this call and those under it read, by operation: a tree may have a million streams. */
async function sumsOfTree(db: Db, { id }: JobCall): Promise<Cell[][]> {
  const { rows } = await sql<SumsOfStreams>`
    with recursive tree as (
      select id from ledger.job_calls where id = ${id}
      union all select c.id from ledger.job_calls c join tree t on c.parent_id = t.id
    )
    select s.service, s.operation, s.status, count(*) as streams,
      sum(s.pages)::bigint as pages, sum(s.requests)::bigint as requests, sum(s.retries)::bigint as retries,
      sum(s.rows_read)::bigint as rows_read, sum(s.rows_inserted)::bigint as rows_inserted, sum(s.rows_updated)::bigint as rows_updated,
      sum(s.rows_unchanged)::bigint as rows_unchanged, sum(s.rows_rejected)::bigint as rows_rejected,
      sum(s.throttled_ms)::bigint as throttled_ms
    from tree t join ledger.service_calls s on s.job_call_id = t.id
    group by s.service, s.operation, s.status order by min(s.started_at), s.operation`.execute(db)
  return rows.map((row) => [
    row.service,
    row.operation,
    plural(row.streams, 'stream'),
    row.status,
    ...counterCells(row),
  ])
}

type SumsOfStreams = Counted & {
  service: string
  operation: string
  status: string
  streams: number
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
