import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import type { ErrorRecord } from '../../errors.ts'
import { oneLine, plural, tookFrom } from '../format.ts'
import { plainTable } from '../plain-table.ts'

const most = 20

/** What a call stands under, and what stands under it: failed ones first, then what is still open. */
export async function printFamily(db: Db, call: JobCall): Promise<void> {
  const { rows: above } = await sql<Pick<JobCall, 'id' | 'job' | 'subject' | 'status'>>`
    with recursive up as (
      select id, parent_id, job, subject, status, 0 as height from ledger.job_calls where id = ${call.parent_id}
      union all select c.id, c.parent_id, c.job, c.subject, c.status, height + 1 from ledger.job_calls c join up on c.id = up.parent_id
    ) select id, job, subject, status from up order by height desc`.execute(db)
  if (above.length > 0)
    print(
      'stands under',
      plainTable(
        ['job call', 'job', 'subject', 'status'],
        above.map((one) => [one.id, one.job, oneLine(one.subject, 60), one.status]),
      ),
    )

  const counts = await db
    .selectFrom('ledger.job_calls')
    .select((eb) => ['status', eb.fn.countAll<number>().as('count')])
    .where('parent_id', '=', call.id)
    .groupBy('status')
    .orderBy('status')
    .execute()
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return
  const children = await db
    .selectFrom('ledger.job_calls')
    .selectAll()
    .where('parent_id', '=', call.id)
    .orderBy(
      sql`array_position(array['failed', 'cancelled', 'running', 'waiting', 'queued', 'succeeded'], status), id`,
    )
    .limit(most)
    .execute()
  const rows = children.map((child) => [
    child.id,
    child.job,
    oneLine(child.subject, 60),
    child.status,
    child.attempt,
    tookFrom(child.started_at, child.finished_at),
    oneLine((child.error as ErrorRecord | null)?.message ?? '', 100),
  ])
  const failed = await failedUnder(db, call)
  const sums = counts.map(({ status, count }) => `${count} ${status}`).join(', ')
  const more = total > most ? `\n... and ${total - most} more` : ''
  print(
    `${plural(total, 'child call')}: ${sums}`,
    plainTable(['job call', 'job', 'subject', 'status', 'attempt', 'took', 'error'], rows) + more,
  )
  if (failed.length > 0)
    print(
      failed.length > most
        ? `the first ${most} that failed under these`
        : 'what failed under these',
      plainTable(
        ['job call', 'job', 'subject', 'error'],
        failed
          .slice(0, most)
          .map((one) => [one.id, one.job, oneLine(one.subject, 60), oneLine(one.message, 100)]),
      ),
    )
}

/** Calls further down that failed by themselves, not for what is under them. One more than is shown. */
async function failedUnder(db: Db, call: JobCall) {
  const { rows } = await sql<{ id: string; job: string; subject: string; message: string }>`
    with recursive down as (
      select id, job, subject, status, error from ledger.job_calls
      where parent_id in (select id from ledger.job_calls where parent_id = ${call.id} and status = 'failed')
      union all
      select c.id, c.job, c.subject, c.status, c.error from ledger.job_calls c join down d on c.parent_id = d.id
    )
    select id, job, subject, error ->> 'message' as message from down
    where status = 'failed' and error ->> 'kind' <> 'children' order by id limit ${most + 1}`.execute(
    db,
  )
  return rows
}

const print = (title: string, text: string) => process.stdout.write(`\n${title}\n${text}\n`)
