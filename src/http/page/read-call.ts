import { type Selectable, sql } from 'kysely'
import { listActions } from '../../db/actions.ts'
import { listRejectReasons, sumsOfTree } from '../../db/call-sums.ts'
import type { Db } from '../../db/connect.ts'
import {
  countChildren,
  countUnder,
  failedUnder,
  listAncestors,
  listChildren,
} from '../../db/family.ts'
import { getJobCall, type JobCall } from '../../db/job-calls.ts'
import type { LedgerRuns } from '../../db/schema.generated.ts'
import { ProblemError } from '../problem.ts'
import { listStreams } from './call-streams.ts'

const mostChildren = 50
const mostFailed = 20

export interface Clock {
  now: Date
  /** Seconds until the lease runs out; null: nobody holds it. */
  leaseLeft: number | null
  /** Rows that the last call with the same job, subject and parameters read that succeeded. */
  rowsLastTime: number | null
}

/** A tree with more calls than this is not added up while somebody waits for the page: it would take seconds. */
const mostAtOnce = 2000

/**
 * All that the page of a call shows.
 * @param atOnce leave out what takes long of a large tree; `sums` is then undefined
 * @throws ProblemError 404
 */
export async function readCall(db: Db, id: string, atOnce: boolean) {
  const call = await getJobCall(db, id)
  if (!call) throw new ProblemError(404, 'there is no such job call')
  const [run, clock, streams, above, counts, children, rejects, actions, checks] =
    await Promise.all([
      readRun(db, id),
      readClock(db, call),
      listStreams(db, id),
      listAncestors(db, call),
      countChildren(db, id),
      listChildren(db, id, mostChildren),
      listRejectReasons(db, id),
      listActions(db, { jobCallId: id, limit: 20 }),
      db
        .selectFrom('ledger.checks')
        .selectAll()
        .where('job_call_id', '=', id)
        .orderBy('name')
        .execute(),
    ])
  // Walking down a tree costs something: a call without children has none.
  const under = children.length > 0 ? await countUnder(db, id) : { all: 0, over: 0 }
  const failed = under.all > 0 ? await failedUnder(db, id, mostFailed) : []
  const isTooLarge = atOnce && under.all > mostAtOnce
  const sums = under.all === 0 ? [] : isTooLarge ? undefined : await sumsOfTree(db, id)
  const { now, leaseLeft, rowsLastTime } = clock
  return {
    call,
    run,
    now,
    leaseLeft,
    rowsLastTime,
    streams,
    above,
    counts,
    children,
    rejects,
    actions,
    checks,
    sums,
    failed,
    under,
  }
}

export type ReadCall = Awaited<ReturnType<typeof readCall>>

async function readRun(db: Db, id: string): Promise<Selectable<LedgerRuns>> {
  return await db
    .selectFrom('ledger.runs')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}

async function readClock(db: Db, call: JobCall): Promise<Clock> {
  const { rows } = await sql<Clock>`
    select clock_timestamp() as now,
      extract(epoch from c.lease_expires_at - clock_timestamp())::float8 as "leaseLeft",
      (select sum(s.rows_read)::bigint from ledger.service_calls s where s.job_call_id = (
        select p.id from ledger.job_calls p
        where p.job = c.job and p.subject = c.subject and p.params = c.params and p.status = 'succeeded' and p.id < c.id
        order by p.id desc limit 1)) as "rowsLastTime"
    from ledger.job_calls c where c.id = ${call.id}`.execute(db)
  return rows[0] ?? { now: new Date(), leaseLeft: null, rowsLastTime: null }
}
