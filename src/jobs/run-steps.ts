import { sql } from 'kysely'
import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import type { Lease } from '../db/leases.ts'
import { insertChildren } from '../db/job-calls.ts'
import { skipStreams } from '../db/service-calls.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault, toErrorRecord } from '../errors.ts'
import { analysedBy } from '../etl/extract/analysis/open-services.ts'
import { runServiceCall } from '../etl/run-service-call.ts'
import { runStreams } from '../etl/run-streams.ts'
import type { StreamProgress } from '../etl/stream.ts'
import { missingSettings, parseParams } from './catalog.ts'
import type { Executor } from './execute.ts'
import type { Job, Run } from './job.ts'
import type { HeldLease } from './lease-keeper.ts'
import { followProgress } from './progress.ts'

export type Ended = { result: object } | { thrown: unknown }

/** How often in a row steps that lost the database are begun again, with no page written in between. */
const mostLost = 10

/** Runs the steps of a job to their end, or to what stopped them. */
export async function runSteps(
  executor: Executor,
  job: Job,
  lease: Lease,
  held: HeldLease,
): Promise<Ended> {
  const { log } = executor
  try {
    return { result: await runWhileTheDatabaseComesBack(executor, job, lease, held) }
  } catch (thrown) {
    // A stop shows up as whatever was interrupted by it; what counts is why it was stopped.
    const stopped: unknown = held.signal.aborted
      ? held.signal.reason
      : held.stopping.aborted
        ? held.stopping.reason
        : thrown
    const reason = isDatabaseAway(stopped) ? databaseFault(stopped) : stopped
    if (toErrorRecord(reason).kind === 'bug') log.error({ err: reason }, 'a fault of the program')
    return { thrown: reason }
  }
}

/** Steps may be run again, and the lease is still ours: a lost connection need not end the attempt. */
async function runWhileTheDatabaseComesBack(
  executor: Executor,
  job: Job,
  lease: Lease,
  held: HeldLease,
): Promise<object> {
  const { db, log } = executor
  const run = openRun(executor, job, lease, held)
  for (let lost = 1; ; lost++) {
    const before = held.progress
    try {
      return await job.run(run)
    } catch (error) {
      if (held.progress !== before) lost = 1
      const away = isDatabaseAway(error) || (error instanceof Fault && error.kind === 'database')
      if (!away || lost > mostLost || held.stopping.aborted) throw error
      log.warn({ reason: String(error) }, 'the database went away; its steps begin again')
      await untilDatabaseAnswers(() => sql`select 1`.execute(db), log, { signal: held.signal })
    }
  }
}

function openRun(executor: Executor, job: Job, lease: Lease, held: HeldLease): Run<object> {
  const { db, log, settings } = executor
  const { call } = lease
  const missing = missingSettings(job, settings)
  if (missing.length > 0)
    throw new Fault('settings', `${job.name} needs ${missing.join(', ')}: not set`)
  const progress = followProgress(held)
  const analysed = analysedBy(settings)
  const deps = {
    db,
    log,
    lease,
    stopping: held.stopping,
    signal: held.signal,
    analysed: analysed.texts || analysed.media ? analysed : undefined,
    onProgress(stream: StreamProgress) {
      progress(stream)
      executor.onProgress?.(lease, stream)
    },
  }
  return {
    ...executor,
    call,
    params: parseParams(job, call.params),
    readingSince: call.reading_since ?? new Date(),
    signal: held.signal,
    streams: (operation, seeds, options) => runStreams(deps, operation, seeds, options),
    skip: (operation, subjects, reason) =>
      untilDatabaseAnswers(() => skipStreams(db, lease, operation, subjects, reason), log, {
        signal: held.signal,
      }),
    serviceCall: (name, work) => runServiceCall(deps, name, work),
    children: (calls) =>
      untilDatabaseAnswers(() => insertChildren(db, lease, calls), log, { signal: held.signal }),
  }
}
