import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import { isoTime, oneLine, span } from '../format.ts'
import { plainTable } from '../plain-table.ts'
import { shortIds } from './short-ids.ts'

const most = 200

/** The streams that are not at their end: how far they are and where they go on. */
export async function printOpenStreams(db: Db): Promise<void> {
  const streams = await db
    .selectFrom('ledger.open_streams')
    .selectAll()
    .select(sql<number>`extract(epoch from quiet_for)::float8`.as('quiet_seconds'))
    .orderBy('job_call_id', 'desc')
    .orderBy('id')
    .limit(most + 1)
    .execute()
  if (streams.length === 0) {
    process.stdout.write('no open streams\n')
    return
  }
  const short = await shortIds(
    db,
    streams.map((s) => s.job_call_id).filter((id) => id !== null),
  )
  const rows = streams
    .slice(0, most)
    .map((s) => [
      short.get(s.job_call_id ?? ''),
      s.job,
      s.job_call_status,
      s.service,
      s.operation,
      oneLine(s.subject ?? '', 40),
      s.pages,
      s.requests,
      s.rows_read,
      isoTime(s.started_at),
      span(s.quiet_seconds * 1000),
      s.cursor === null ? '' : oneLine(JSON.stringify(s.cursor), 120),
    ])
  const head = [
    'job call',
    'job',
    'status',
    'service',
    'operation',
    'subject',
    'pages',
    'requests',
    'read',
    'started',
    'quiet for',
    'goes on at',
  ]
  const more =
    streams.length > most
      ? `\n... and more: npm run ledger -- sql 'select * from ledger.open_streams'`
      : ''
  process.stdout.write(`${plainTable(head, rows)}${more}\n`)
}
