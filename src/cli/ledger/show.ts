import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { labelled } from '../plain-table.ts'
import { printChecks } from '../print-checks.ts'
import { describeCall } from './describe-call.ts'
import { printFamily } from './show-family.ts'
import { printRejects, printStreams } from './show-streams.ts'

/** All that the ledger knows of one job call. */
export async function printCall(db: Db, call: JobCall): Promise<void> {
  const run = await db
    .selectFrom('ledger.runs')
    .selectAll()
    .where('id', '=', call.id)
    .executeTakeFirstOrThrow()
  const { rows } = await sql<{ left: number | null }>`
    select extract(epoch from ${call.lease_expires_at}::timestamptz - clock_timestamp())::float8 as left`.execute(
    db,
  )
  process.stdout.write(`${labelled(describeCall(call, run, rows[0]?.left ?? undefined))}\n`)
  await printChecks(db, call.id)
  await printFamily(db, call)
  await printStreams(db, call.id)
  await printRejects(db, call.id)
}
