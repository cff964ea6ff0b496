import type { JobCall } from '../db/job-calls.ts'
import { databaseFault, isDatabaseAway } from '../db/lost-connection.ts'
import { untilDatabaseAnswers } from '../db/until-database-answers.ts'
import { Fault } from '../errors.ts'
import { catalog } from '../jobs/catalog.ts'
import type { Job } from '../jobs/job.ts'
import { createLeaseKeeper, type LeaseKeeper } from '../jobs/lease-keeper.ts'
import { runTree } from '../jobs/run-tree.ts'
import { resumeCall, startCall, type Started } from '../jobs/start-call.ts'
import { startSweeper } from '../jobs/sweeper.ts'
import { lookOnce } from '../jobs/watch.ts'
import type { Opened } from '../open.ts'
import { exitCode } from './exit.ts'
import { plural } from './format.ts'
import type { JobOptions } from './job.ts'
import { rowsOfLastRun } from './last-run.ts'
import { printChecks } from './print-checks.ts'
import { printRun } from './print-run.ts'
import { showProgress } from './progress-display.ts'
import { waitForAnalysis } from './wait-for-analysis.ts'
import { onStopSignals } from './stop-signals.ts'

/** How long pages on their way may take after Ctrl-C, before their requests are aborted. */
const stopGraceMs = 5000
/** For checks and alerts, at the end. */
const lookAfterMs = 20_000

/** Runs one job call with all under it, shows how far it is, prints its rows of the ledger. Answers the exit code. */
export async function runJob(
  opened: Opened,
  chosen: { job: Job; given: object } | undefined,
  options: JobOptions,
): Promise<number> {
  const { db, log, settings } = opened
  const stop = new AbortController()
  const leases = createLeaseKeeper({ db, log, leaseSeconds: settings.LEASE_SECONDS })
  // Listens before the call is there, so that no signal leaves one behind without a word.
  const ignoreSignals = onStopSignals((name) => {
    say(`${name}: finishing the page at hand; once more ends at once`)
    stop.abort()
    const hint = 'the same npm run job again, or with --resume and its id, goes on'
    leases.stopAll(new Fault('interrupted', `stopped by ${name}`, { hint }), stopGraceMs)
  })
  try {
    const { id, takenUp } = await untilDatabaseAnswers(() => start(opened, chosen, options), log, {
      signal: stop.signal,
    })
    if (takenUp)
      say(
        `taking up job call ${id} (${takenUp.status}, attempt ${takenUp.attempt}) where it stopped; --new starts afresh`,
      )
    else say(`job call ${id}`)
    const root = await runShown(opened, id, leases, stop.signal, options.wait)
    await untilDatabaseAnswers(() => printRun(db, root), log)
    if (root.finished_at) await lookAfter(opened, root)
    if (root.status === 'succeeded') return exitCode.succeeded
    say(`go on with: npm run job -- --resume ${id}`)
    return stop.signal.aborted ? exitCode.interrupted : exitCode.failed
  } catch (error) {
    throw isDatabaseAway(error) ? databaseFault(error) : error
  } finally {
    ignoreSignals()
    await leases.close()
  }
}

/** Checks, and what is to be told of it: where no worker runs nobody else would do it. How the run ended stays as it is. */
async function lookAfter({ db, log, settings }: Opened, root: JobCall): Promise<void> {
  try {
    await lookOnce({ db, log, settings, jobs: catalog }, AbortSignal.timeout(lookAfterMs))
    await printChecks(db, root.id)
  } catch (error) {
    log.warn({ reason: String(error) }, 'the checks could not be run; a worker does it')
  }
}

async function runShown(
  { db, log, http, files, settings, worker }: Opened,
  id: string,
  leases: LeaseKeeper,
  stopping: AbortSignal,
  waitSeconds: number,
): Promise<JobCall> {
  const leaseSeconds = settings.LEASE_SECONDS
  const sweeper = startSweeper({ db, log, jobs: catalog, leaseSeconds })
  const display = showProgress(await untilDatabaseAnswers(() => rowsOfLastRun(db, id), log))
  const { onProgress } = display
  const executor = { db, http, files, log, settings, leases, oneAttempt: true, onProgress }
  const concurrency = settings.WORKER_CONCURRENCY
  try {
    const tree = { executor, jobs: catalog, worker, leaseSeconds, concurrency, stopping }
    const root = await runTree(id, tree)
    if (root.status === 'succeeded') {
      display.stop()
      await waitForAnalysis(id, waitSeconds, tree, (open) =>
        say(
          `waiting for ${plural(open, 'analysis', 'analyses')}, ${waitSeconds} s at most (--wait)`,
        ),
      )
    }
    return root
  } finally {
    display.stop()
    await sweeper.stop()
  }
}

async function start(
  { db }: Opened,
  chosen: { job: Job; given: object } | undefined,
  options: JobOptions,
): Promise<Started> {
  if (options.resume) return await resumeCall(db, options.resume, onWait)
  if (!chosen) throw new Fault('params', 'which job?')
  return await startCall(db, chosen.job, chosen.given, { fresh: options.new ?? false, onWait })
}

const say = (line: string) => process.stderr.write(`${line}\n`)
const onWait = () => say('the last run of it looks dead: waiting for its lease to run out')
