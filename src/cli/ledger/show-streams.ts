import { sql } from 'kysely'
import { listRejectReasons } from '../../db/call-sums.ts'
import type { Db } from '../../db/connect.ts'
import type { ErrorRecord } from '../../errors.ts'
import { oneLine, plural, size } from '../format.ts'
import { plainTable } from '../plain-table.ts'
import { streamCells, streamHead } from '../stream-columns.ts'

const mostStreams = 60
const mostReasons = 5

/** The streams of a call: failed ones first, then open ones with where they go on. */
export async function printStreams(db: Db, callId: string): Promise<void> {
  const { count } = await db
    .selectFrom('ledger.service_calls')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('job_call_id', '=', callId)
    .executeTakeFirstOrThrow()
  if (count === 0) return
  const streams = await db
    .selectFrom('ledger.service_calls')
    .selectAll()
    .where('job_call_id', '=', callId)
    .orderBy(sql`array_position(array['failed', 'open'], status), id`)
    .limit(mostStreams)
    .execute()
  const head = [...streamHead, 'size', 'goes on at, or error']
  const rows = streams.map((stream) => [
    ...streamCells(stream),
    size(stream.bytes),
    describeEnd(
      stream.error as ErrorRecord | null,
      stream.status === 'open' ? stream.cursor : null,
    ),
  ])
  const more = count > mostStreams ? `\n... and ${count - mostStreams} more` : ''
  process.stdout.write(`\n${plural(count, 'stream')}\n${plainTable(head, rows)}${more}\n`)
}

function describeEnd(error: ErrorRecord | null, cursor: unknown): string {
  if (error) return oneLine(`${error.kind}: ${error.message}`, 200)
  return cursor === null ? '' : oneLine(JSON.stringify(cursor), 200)
}

/** How many records of a call were refused, and the commonest reasons. */
export async function printRejects(db: Db, callId: string): Promise<void> {
  const rows = await listRejectReasons(db, callId)
  if (rows.length === 0) return
  const total = rows.reduce((sum, row) => sum + row.count, 0)
  const some = rows
    .slice(0, mostReasons)
    .map((row) => [row.count, row.still, row.entity, oneLine(row.reason, 120), row.example])
  const more =
    rows.length > mostReasons ? `\n... and ${rows.length - mostReasons} more reasons` : ''
  process.stdout.write(
    `\n${plural(total, 'reject')}\n${plainTable(['records', 'still', 'entity', 'reason', 'for example'], some)}${more}\n`,
  )
}
