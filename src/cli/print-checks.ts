import type { Db } from '../db/connect.ts'
import { isoTime, oneLine, plural } from './format.ts'
import { plainTable } from './plain-table.ts'

/** What the checks of a job found after a call; nothing where none has run. */
export async function printChecks(db: Db, callId: string): Promise<void> {
  const checks = await db
    .selectFrom('ledger.checks')
    .select(['status', 'name', 'found', 'title'])
    .where('job_call_id', '=', callId)
    .orderBy('status')
    .orderBy('name')
    .execute()
  if (checks.length === 0) return
  const rows = checks.map(({ status, name, found, title }) => [
    status,
    name,
    oneLine(found, 200),
    title,
  ])
  const table = plainTable(['status', 'check', 'found', 'what ought to hold'], rows)
  process.stdout.write(`\n${plural(checks.length, 'check')}\n${table}\n`)
}

/** Which jobs failed, are late or have a check that failed, and since when; nothing where all is well. */
export async function printIncidents(db: Db): Promise<void> {
  const open = await db
    .selectFrom('ledger.incidents')
    .selectAll()
    .where('closed_at', 'is', null)
    .orderBy('opened_at')
    .execute()
  if (open.length === 0) return
  const rows = open.map((one) => [
    one.job,
    [one.kind, one.about].filter(Boolean).join(' '),
    isoTime(one.opened_at),
    oneLine(one.message, 200),
    one.job_call_id,
  ])
  const table = plainTable(['job', 'what', 'since', 'why', 'job call'], rows)
  process.stdout.write(`\n${plural(open.length, 'open incident')}\n${table}\n`)
}
