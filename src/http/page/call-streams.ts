import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { oneLine, plural, size, span } from '../../cli/format.ts'
import type { Db } from '../../db/connect.ts'
import type { LedgerRuns, LedgerStreams } from '../../db/schema.generated.ts'
import { bar } from './bar.ts'
import { type Html, html } from './html.ts'
import { errorNote, figure, json, statusBadge } from './pieces.ts'
import { type Column, numbers, type Row, table } from './table.ts'

export type Stream = Selectable<LedgerStreams>

const most = 100

/** Streams of a call, as `ledger.streams` has them: failed ones first, then open ones, then by their ids. */
export async function listStreams(db: Db, callId: string): Promise<Stream[]> {
  return await db
    .selectFrom('ledger.streams')
    .selectAll()
    .where('job_call_id', '=', callId)
    .orderBy(sql`array_position(array['failed', 'open'], status), id`)
    .limit(most)
    .execute()
}

const counters = [
  ['pages', 'pages'],
  ['requests', 'requests'],
  ['retries', 'retries'],
  ['rows_inserted', 'inserted'],
  ['rows_updated', 'updated'],
  ['rows_unchanged', 'unchanged'],
  ['rows_rejected', 'rejected'],
] as const

/** A line a stream: how far it is, what it brought, what it cost, where it goes on. */
export function streamsTable(streams: readonly Stream[], run: Selectable<LedgerRuns>): Html {
  if (streams.length === 0) return html`<h2>Streams</h2><p class="none">none so far</p>`
  const more = (run.streams ?? 0) - streams.length
  const columns: Column[] = [
    'stream',
    ['rows read', 'progress'],
    ...numbers(...counters.map(([, name]) => name), 'waited for quota', 'credits'),
    ['goes on at, or error', 'cursor'],
  ]
  const foot = [
    'sum',
    figure('sum_rows_read', run.rows_read),
    ...counters.map(([name]) => figure(`sum_${name}`, run[name])),
    span(run.throttled_ms ?? 0),
    credits(run),
    size(run.bytes ?? 0),
  ]
  const known = { by: 'stream', as: streams.map(({ id }) => id) }
  return html`<h2>${plural(run.streams ?? 0, 'stream')}</h2>
${table('Streams', columns, { rows: streams.map(cellsOf), known, foot })}
${more > 0 && html`<p class="note">… and ${more} more: <code>select * from ledger.streams where job_call_id = '${run.id}'</code></p>`}`
}

function cellsOf(stream: Stream): Row {
  const { service, operation, subject, status, throttled_ms: throttledMs } = stream
  const about = subject && html` <span class="subject">${oneLine(subject, 60)}</span>`
  return [
    html`${statusBadge(status ?? '')} ${service} ${operation}${about}`,
    progressOf(stream),
    ...counters.map(([name]) => figure(name, stream[name])),
    html`<data data-field="throttled_ms" value="${throttledMs}">${span(throttledMs ?? 0)}</data>`,
    credits(stream),
    html`${errorNote(stream.error)}${status === 'open' && stream.cursor !== null && json(stream.cursor, 60)}`,
  ]
}

/** The same stream read so much the last time: about as much is to come. Where there was no last time, nobody knows. */
function progressOf({ id, status, rows_read, rows_last_time, service, operation }: Stream): Html {
  const rows = rows_read ?? 0
  const name = `${service} ${operation} ${id}`
  const read = figure('rows_read', rows)
  if (status !== 'open') return html`${bar(status === 'done' ? 1 : 0, name, status ?? '')} ${read}`
  if (!rows_last_time) return html`${bar(undefined, name, 'open')} ${read}`
  return html`${bar(Math.min(0.99, rows / rows_last_time), name, 'open')} ${read} <span class="note">of about ${rows_last_time.toLocaleString('en')}</span>`
}

function credits({
  credits: spent,
  credits_in_doubt: doubt,
}: {
  credits: number | null
  credits_in_doubt: number | null
}): Html {
  return html`${figure('credits', spent)}${Boolean(doubt) && html` <span class="warn">+ ${doubt} in doubt</span>`}`
}
