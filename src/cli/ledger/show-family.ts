import type { Db } from '../../db/connect.ts'
import { countChildren, failedUnder, listAncestors, listChildren } from '../../db/family.ts'
import type { JobCall } from '../../db/job-calls.ts'
import type { ErrorRecord } from '../../errors.ts'
import { oneLine, plural, tookFrom } from '../format.ts'
import { plainTable } from '../plain-table.ts'

const most = 20

/** What a call stands under, and what stands under it: failed ones first, then what is still open. */
export async function printFamily(db: Db, call: JobCall): Promise<void> {
  const above = await listAncestors(db, call)
  if (above.length > 0)
    print(
      'stands under',
      plainTable(
        ['job call', 'job', 'subject', 'status'],
        above.map((one) => [one.id, one.job, oneLine(one.subject, 60), one.status]),
      ),
    )

  const counts = await countChildren(db, call.id)
  const total = counts.reduce((sum, { count }) => sum + count, 0)
  if (total === 0) return
  const children = await listChildren(db, call.id, most)
  const rows = children.map((child) => [
    child.id,
    child.job,
    oneLine(child.subject ?? '', 60),
    child.status,
    child.attempt,
    tookFrom(child.started_at, child.finished_at),
    oneLine((child.error as ErrorRecord | null)?.message ?? '', 100),
  ])
  // One more than is shown.
  const failed = await failedUnder(db, call.id, most + 1)
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

const print = (title: string, text: string) => process.stdout.write(`\n${title}\n${text}\n`)
