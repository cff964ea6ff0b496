import { EventEmitter } from 'node:events'
import { Logger as QueueLogger, run, type WorkerEvents } from 'graphile-worker'
import type pg from 'pg'
import { getJobCall } from '../db/job-calls.ts'
import { takeUp } from '../db/leases.ts'
import { queuePool } from '../db/queue-pool.ts'
import { taskName, type WakeUp } from '../db/wake-up.ts'
import { Fault } from '../errors.ts'
import type { Logger } from '../log.ts'
import { type Executor, execute } from './execute.ts'
import { adoptionOf, type Job } from './job.ts'
import { openTick } from './open-tick.ts'

export interface WorkerOptions {
  executor: Executor
  pool: pg.Pool
  jobs: readonly Job[]
  worker: string
  leaseSeconds: number
  concurrency: number
}

export interface Worker {
  /** Under which graphile-worker locks its rows. */
  poolId: string
  /** Never resolves; rejects when the queue has stopped by itself, so that nothing is taken from it any more. */
  failed: Promise<never>
  /** Takes nothing new, lets what runs finish its page, gives the leases back. */
  stop(): Promise<void>
}

/** How long pages on their way may take after a stop, before their requests are aborted. */
const stopGraceMs = 5000

/** Works off the queue: each wake-up opens its tick or takes its job call up, if nobody else has, and executes it. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const { executor, pool, concurrency } = options
  const { log } = executor
  const events: WorkerEvents = new EventEmitter()
  const poolId = new Promise<string>((resolve) => {
    events.once('pool:create', ({ workerPool }) => resolve(workerPool.id))
  })
  const runner = await run({
    pgPool: queuePool(pool),
    concurrency,
    events,
    noHandleSignals: true,
    pollInterval: 2000,
    gracefulShutdownAbortTimeout: stopGraceMs,
    logger: quietLogger(log),
    taskList: {
      [taskName]: (payload) => answerWakeUp(options, payload as WakeUp),
    },
  })
  let stopping = false
  const failed = Promise.withResolvers<never>()
  failed.promise.catch(() => {}) // Whoever serves listens.
  const ended = (reason: unknown) => {
    if (!stopping) failed.reject(new Fault('bug', `the queue stopped by itself: ${String(reason)}`))
  }
  runner.promise.then(() => ended('without an error'), ended)
  return {
    poolId: await poolId,
    failed: failed.promise,
    async stop() {
      stopping = true
      executor.leases.stopAll(new Fault('interrupted', 'its worker was asked to stop'), stopGraceMs)
      await runner.stop()
    },
  }
}

async function answerWakeUp(
  { executor, jobs, worker, leaseSeconds }: WorkerOptions,
  wakeUp: WakeUp,
): Promise<void> {
  const { db, log } = executor
  const id = 'jobCallId' in wakeUp ? wakeUp.jobCallId : await openNamedTick(executor, jobs, wakeUp)
  const call = id === undefined ? undefined : await getJobCall(db, id)
  if (!call) return
  const job = jobs.find(({ name }) => name === call.job)
  if (!job)
    return log.warn(
      { job: call.job, jobCall: call.id },
      'this program has no such job: left to others',
    )
  const lease = await takeUp(db, call.id, { worker, leaseSeconds, adoption: adoptionOf(job) })
  if (lease) await execute(executor, job, lease)
}

async function openNamedTick(
  { db, log, settings }: Executor,
  jobs: readonly Job[],
  tick: { job: string; scheduledFor: string },
): Promise<string | undefined> {
  const job = jobs.find(({ name }) => name === tick.job)
  const isDue = job?.isDue && (() => job.isDue?.({ db, settings }) ?? Promise.resolve(true))
  if (job) return await openTick(db, job, tick.scheduledFor, isDue)
  log.warn(tick, 'this program has no such job: left to others')
  return undefined
}

/** graphile-worker's own messages, at debug: the ledger tells of the runs. */
function quietLogger(log: Logger): QueueLogger {
  return new QueueLogger(() => (level, message) => {
    if (level === 'error') log.error({ queue: true }, message)
    else if (level === 'warning') log.warn({ queue: true }, message)
    else log.debug({ queue: true }, message)
  })
}
