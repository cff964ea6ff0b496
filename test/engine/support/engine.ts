import { onTestFinished } from 'vitest'
import { connect } from '../../../src/db/connect.ts'
import { createHttpClient } from '../../../src/etl/extract/http-client.ts'
import { openFiles } from '../../../src/etl/load/files.ts'
import { type Job, defineJob, type Run } from '../../../src/jobs/job.ts'
import { createLeaseKeeper } from '../../../src/jobs/lease-keeper.ts'
import { startWork, type Work } from '../../../src/jobs/start-work.ts'
import { createLog } from '../../../src/log.ts'
import { parseSettings } from '../../../src/settings.ts'
import { z } from 'zod'

let engines = 0

/** What jobs run on in a test's own process: as another process would, with a pool and an HTTP client of its own. */
export function openTools(database: { url: string }, env: Record<string, string> = {}) {
  const log = createLog('silent')
  const worker = `test:${process.pid}:${engines++}`
  const settings = parseSettings({ LEASE_SECONDS: '2', ...env })
  const connection = connect(database.url, { log, max: 24 })
  const { db, pool } = connection
  const http = createHttpClient({ db, log, worker, retryDelaysMs: [20] })
  const files = openFiles(settings)
  onTestFinished(async () => {
    files?.close()
    await http.close()
    await connection.close()
  })
  return { db, pool, log, settings, http, files, worker }
}

/** A worker with these jobs, stopped when the test has finished. */
export async function startEngine(
  database: { url: string },
  jobs: readonly Job[],
  { scheduler = false, ...env }: { scheduler?: boolean } & Record<string, unknown> = {},
): Promise<Work> {
  const tools = openTools(database, env as Record<string, string>)
  const work = await startWork({ ...tools, jobs, scheduler, queue: true })
  let stopped: Promise<void> | undefined
  const stop = () => (stopped ??= work.stop())
  onTestFinished(stop)
  return { ...work, stop }
}

/** What `npm run job` gives to `runTree`. */
export function treeOptions(database: { url: string }, jobs: readonly Job[], concurrency = 4) {
  const tools = openTools(database)
  const leaseSeconds = tools.settings.LEASE_SECONDS
  const leases = createLeaseKeeper({ ...tools, leaseSeconds })
  onTestFinished(() => leases.close())
  const executor = { ...tools, leases, oneAttempt: true }
  const stopping = new AbortController()
  return {
    executor,
    jobs,
    worker: tools.worker,
    leaseSeconds,
    concurrency,
    stopping: stopping.signal,
  }
}

const anyParams = z.record(z.string(), z.unknown())
type Params = z.output<typeof anyParams>

/** A job that does just this. */
export function testJob(
  name: string,
  run: (run: Run<Params>) => Promise<object>,
  more: Partial<Pick<Job, 'schedule' | 'maxAttempts' | 'cursorMaxAgeMs'>> = {},
): Job {
  return defineJob<Params>({
    name,
    title: name,
    params: anyParams,
    needs: [],
    plan: async () => ({ requests: [], credits: 0 }),
    run,
    ...more,
  })
}
