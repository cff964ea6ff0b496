import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import type { ErrorRecord } from '../../errors.ts'
import { isoTime, oneLine, plural, tookFrom } from '../format.ts'
import { plainTable } from '../plain-table.ts'
import { shortIds } from './short-ids.ts'

export const statuses = [
  'queued',
  'running',
  'waiting',
  'succeeded',
  'failed',
  'cancelled',
] as const

export interface RunsOptions {
  limit: number
  job?: string
  status?: JobCall['status']
  children?: true
}

/** One line a job call, newest first; before them the ticks that wait for a worker. */
export async function printRuns(db: Db, options: RunsOptions): Promise<void> {
  const ids = await listIds(db, options)
  const waiting = await listTicks(db, options)
  const calls = await db
    .selectFrom('ledger.runs')
    .selectAll()
    .where(sql<boolean>`id = any(${ids}::uuid[])`)
    .orderBy('id', 'desc')
    .execute()
  const short = await shortIds(db, ids)
  const rows = [...waiting, ...calls]
    .slice(0, options.limit)
    .map((run) => [
      run.id === null ? '(tick)' : short.get(run.id),
      run.job,
      run.trigger,
      oneLine(run.subject ?? '', 40),
      run.status,
      run.attempt,
      isoTime(run.started_at),
      tookFrom(run.started_at, run.finished_at),
      run.pages,
      run.requests,
      run.rows_read,
      run.rows_inserted,
      run.rows_updated,
      run.rows_unchanged,
      run.rows_rejected,
      (run.error as ErrorRecord | null)?.kind ?? describeChecks(run.checks_failed),
    ])
  process.stdout.write(rows.length > 0 ? `${plainTable(head, rows)}\n` : 'no runs\n')
}

/** The call itself is well, and its data look odd. */
const describeChecks = (failed: number | null) =>
  failed ? `${plural(failed, 'check')} failed` : undefined

const head = [
  'id',
  'job',
  'trigger',
  'subject',
  'status',
  'attempt',
  'started',
  'took',
  'pages',
  'requests',
  'read',
  'inserted',
  'updated',
  'unchanged',
  'rejected',
  'error',
]

/** First the ids, by the primary key: the view sums up whatever it is not asked to leave out. */
async function listIds(db: Db, { limit, job, status, children }: RunsOptions): Promise<string[]> {
  let query = db.selectFrom('ledger.job_calls').select('id').orderBy('id', 'desc').limit(limit)
  if (job) query = query.where('job', '=', job)
  else if (!children) query = query.where('parent_id', 'is', null)
  if (status) query = query.where('status', '=', status)
  return (await query.execute()).map(({ id }) => id)
}

/** Ticks that no worker has opened yet have no id: the view has them as queued. */
async function listTicks(db: Db, { limit, job, status }: RunsOptions) {
  if (status && status !== 'queued') return []
  let query = db.selectFrom('ledger.runs').selectAll().where('id', 'is', null)
  if (job) query = query.where('job', '=', job)
  return await query.orderBy('scheduled_for', 'desc').limit(limit).execute()
}
