import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import { type GiveBack, giveBack } from '../db/give-back.ts'
import type { Lease } from '../db/leases.ts'
import { settle } from '../db/settle.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { type ErrorRecord, Fault, Parked, toErrorRecord } from '../errors.ts'
import type { StreamProgress } from '../etl/stream.ts'
import { type Span, withSpan } from '../tracing.ts'
import { defaultMaxAttempts, type Job, type JobTools } from './job.ts'
import type { LeaseKeeper } from './lease-keeper.ts'
import { type Ended, runSteps } from './run-steps.ts'

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
  const { id, root_id: root, attempt, trigger } = lease.call
  const log = executor.log.child({ job: job.name, jobCall: id, attempt })
  const facts = () => ({ job: job.name, job_call_id: id, root_id: root, attempt, trigger })
  // A tree of calls is one trace, over processes and attempts: its id is that of the root call.
  const options = { facts, traceId: root.replaceAll('-', '') }
  return await withSpan(`job ${job.name}`, options, (span) =>
    runAndSettle({ ...executor, log }, job, lease, span),
  )
}

async function runAndSettle(
  executor: Executor,
  job: Job,
  lease: Lease,
  span: Span,
): Promise<string> {
  const { log } = executor
  log.info('started')
  const held = executor.leases.hold(lease)
  try {
    const ended = await runSteps(executor, job, lease, held)
    // A process that was told to stop must not wait long: what it can't write, a rescue will.
    const patienceMs = held.stopping.aborted ? 3000 : 60_000
    const outcome = await untilDatabaseAnswers(
      () => writeEnd(executor, job, { ...lease, gotOn: held.progress !== null }, ended),
      log,
      { patienceMs },
    )
    const how = outcome ?? 'lease lost'
    log.info({ outcome: how }, 'ended')
    span.set({ outcome: how })
    if ('thrown' in ended) span.end(ended.thrown)
    return how
  } catch (error) {
    throw isDatabaseAway(error) ? databaseFault(error) : error
  } finally {
    held.release()
  }
}

/** What is written for each way an attempt can end; undefined: the lease was no longer ours. */
async function writeEnd(
  executor: Executor,
  job: Job,
  lease: Lease & { gotOn: boolean },
  ended: Ended,
): Promise<string | undefined> {
  const { db, settings } = executor
  if ('result' in ended) {
    return await settle(db, lease, { status: 'succeeded', result: ended.result })
  }
  const { thrown } = ended
  if (thrown instanceof Parked) {
    const { message, service, until } = thrown
    const inMs = Math.max(0, until.getTime() - Date.now())
    const error = { kind: 'rate_limited', message, service } as const
    return await giveBack(db, lease, { status: 'waiting', inMs, error })
  }
  const error: ErrorRecord = JSON.parse(settings.hide(JSON.stringify(toErrorRecord(thrown))))
  if (error.kind === 'lease_lost') return undefined
  if (error.kind === 'cancelled') return await settle(db, lease, { status: 'cancelled' })
  if (error.kind === 'interrupted') return await giveBack(db, lease, { status: 'queued', error })
  const retry = executor.oneAttempt ? undefined : nextAttempt(job, lease, thrown)
  if (retry) return await giveBack(db, lease, { status: 'queued', ...retry, error })
  return await settle(db, lease, { status: 'failed', error })
}

/** When a failed attempt is followed by another one; undefined: it was the last, or another would end the same. */
function nextAttempt(
  job: Job,
  { call, gotOn }: Lease & { gotOn: boolean },
  thrown: unknown,
): Pick<GiveBack, 'inMs' | 'failures'> | undefined {
  if (!(thrown instanceof Fault && thrown.retriable)) return undefined
  // Like a crash: where the attempt had got on, it is the first one again, and another goes on soon.
  const away = thrown.kind === 'database'
  const before = away && gotOn ? 0 : call.failures
  if (before + 1 >= (job.maxAttempts ?? defaultMaxAttempts)) return undefined
  return { failures: before + 1, inMs: away ? 1000 * 2 ** before : retryDelayMs(before) }
}

/** 30 s, 2 min, 8 min, 32 min, with a tenth of jitter. */
export function retryDelayMs(failures: number): number {
  return Math.min(30_000 * 4 ** failures, 3_600_000) * (1 + Math.random() / 10)
}
