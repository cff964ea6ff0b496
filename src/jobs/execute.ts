import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import { giveBack, type Lease } from '../db/leases.ts'
import { insertChildren } from '../db/job-calls.ts'
import { settle } from '../db/settle.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault, Parked, toErrorRecord } from '../errors.ts'
import { runStreams } from '../etl/run-streams.ts'
import type { StreamProgress } from '../etl/stream.ts'
import { missingSettings, parseParams } from './catalog.ts'
import { defaultMaxAttempts, type Job, type JobTools, type Run } from './job.ts'
import type { HeldLease, LeaseKeeper } from './lease-keeper.ts'
import { followProgress } from './progress.ts'

export interface Executor extends JobTools {
  leases: LeaseKeeper
  /** Watches every stream of this process. */
  onProgress?: ((lease: Lease, progress: StreamProgress) => void) | undefined
  /** `npm run job` makes one attempt; workers make as many as the job says. */
  oneAttempt?: boolean
}

/**
 * One attempt of a job call, from the lease to its end: run the job's steps under a heartbeat, then settle.
 * Answers how it ended; throws only when even that could not be written.
 */
export async function execute(executor: Executor, job: Job, lease: Lease): Promise<string> {
  const log = executor.log.child({
    job: job.name,
    jobCall: lease.call.id,
    attempt: lease.call.attempt,
  })
  log.info(lease.takenOverFrom ? { takenOverFrom: lease.takenOverFrom } : {}, 'started')
  const held = executor.leases.hold(lease)
  try {
    const ended = await runSteps({ ...executor, log }, job, lease, held)
    const outcome = await untilDatabaseAnswers(
      () => writeEnd(executor, job, lease, ended),
      executor.log,
    )
    log.info({ outcome }, 'ended')
    return outcome
  } finally {
    held.release()
  }
}

type Ended = { result: object; hasChildren: boolean } | { thrown: unknown }

async function runSteps(
  executor: Executor,
  job: Job,
  lease: Lease,
  held: HeldLease,
): Promise<Ended> {
  const { db, http, log, settings } = executor
  const { call } = lease
  let hasChildren = false
  const progress = followProgress(held)
  const deps = {
    db,
    log,
    lease,
    stopping: held.stopping,
    signal: held.signal,
    onProgress(stream: StreamProgress) {
      progress(stream)
      executor.onProgress?.(lease, stream)
    },
  }
  try {
    refuseWithoutSettings(executor, job)
    const run: Run<object> = {
      db,
      http,
      log,
      settings,
      call,
      params: parseParams(job, call.params),
      readingSince: call.reading_since ?? new Date(),
      signal: held.signal,
      streams: (operation, seeds, options) => runStreams(deps, operation, seeds, options),
      async children(calls) {
        await insertChildren(db, lease, calls)
        hasChildren ||= calls.length > 0
      },
    }
    return { result: await job.run(run), hasChildren }
  } catch (thrown) {
    // A stop shows up as whatever was interrupted by it; what counts is why it was stopped.
    const reason: unknown = held.signal.aborted
      ? held.signal.reason
      : held.stopping.aborted
        ? held.stopping.reason
        : thrown
    if (toErrorRecord(reason).kind === 'bug') log.error({ err: reason }, 'a fault of the program')
    return { thrown: isDatabaseAway(reason) ? databaseFault(reason) : reason }
  }
}

function refuseWithoutSettings({ settings }: Executor, job: Job): void {
  const missing = missingSettings(job, settings)
  if (missing.length > 0)
    throw new Fault('settings', `${job.name} needs ${missing.join(', ')}: not set`)
}

/** What is written for each way an attempt can end. */
async function writeEnd(executor: Executor, job: Job, lease: Lease, ended: Ended): Promise<string> {
  const { db, settings } = executor
  if ('result' in ended) {
    const status = ended.hasChildren ? 'waiting' : 'succeeded'
    return (await settle(db, lease, { status, result: ended.result })) ? status : 'lease lost'
  }
  const { thrown } = ended
  if (thrown instanceof Parked) {
    const error = {
      kind: 'rate_limited',
      message: thrown.message,
      service: thrown.service,
    } as const
    return (await giveBack(db, lease, { status: 'waiting', at: thrown.until, error }))
      ? 'parked'
      : 'lease lost'
  }
  const error = JSON.parse(settings.hide(JSON.stringify(toErrorRecord(thrown))))
  switch (error.kind) {
    case 'lease_lost':
      return 'lease lost'
    case 'cancelled':
      return (await settle(db, lease, { status: 'cancelled' })) ? 'cancelled' : 'lease lost'
    case 'interrupted':
      return (await giveBack(db, lease, { status: 'queued', error })) ? 'given back' : 'lease lost'
    default:
  }
  const retriable = thrown instanceof Fault && thrown.retriable
  const attemptsLeft = (job.maxAttempts ?? defaultMaxAttempts) - lease.call.failures - 1
  if (retriable && attemptsLeft > 0 && !executor.oneAttempt) {
    const at = new Date(Date.now() + retryDelayMs(lease.call.failures))
    return (await giveBack(db, lease, { status: 'queued', at, failed: true, error }))
      ? 'queued again'
      : 'lease lost'
  }
  return (await settle(db, lease, { status: 'failed', error })) ? 'failed' : 'lease lost'
}

/** 30 s, 2 min, 8 min, 32 min, with a tenth of jitter. */
export function retryDelayMs(failures: number): number {
  return Math.min(30_000 * 4 ** failures, 3_600_000) * (1 + Math.random() / 10)
}
