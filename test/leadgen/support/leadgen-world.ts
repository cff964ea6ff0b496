import { pino } from 'pino'
import { onTestFinished } from 'vitest'
import type { ApolloOptions } from '../../../sandbox/apollo/options.ts'
import type { z } from 'zod'
import { Fault } from '../../../src/errors.ts'
import { createHttpClient } from '../../../src/etl/extract/http-client.ts'
import { openFiles } from '../../../src/etl/load/files.ts'
import { createLeaseKeeper } from '../../../src/jobs/lease-keeper.ts'
import { leadgen, type leadgenResult } from '../../../src/jobs/leadgen.ts'
import { runTree } from '../../../src/jobs/run-tree.ts'
import { startCall } from '../../../src/jobs/start-call.ts'
import { parseSettings } from '../../../src/settings.ts'
import { withApollo } from '../../sandbox/with-apollo.ts'
import { createDatabase } from '../../support/database.ts'
import { startS3 } from '../../support/s3.ts'
import { until } from '../../support/until.ts'

export type LeadgenResult = z.output<typeof leadgenResult>

export interface WorldOptions {
  apollo?: Partial<ApolloOptions>
  env?: Record<string, string>
  /** Default: true. */
  storage?: boolean
}

/** A database, the simulated Apollo and an S3 server, with all that runs a leadgen in this process. */
export async function startLeadgenWorld({
  apollo = {},
  env = {},
  storage = true,
}: WorldOptions = {}) {
  const database = await createDatabase()
  const upstream = await withApollo(apollo)
  const s3 = storage ? await startS3() : undefined
  const allEnv: Record<string, string> = {
    DATABASE_URL: database.url,
    APOLLO_BASE_URL: upstream.base,
    APOLLO_API_KEY: 'sandbox-key',
    ...s3?.env,
    ...env,
  }
  const { db } = database
  const settings = parseSettings(allEnv)
  const log = pino({ level: process.env['TEST_LOG'] ?? 'silent' })
  const http = createHttpClient({ db, log, worker: 'test', retryDelaysMs: [20, 40, 80] })
  const files = openFiles(settings)
  onTestFinished(async () => {
    files?.close()
    await http.close()
  })

  /**
   * Starts a call and makes one attempt (or as many as it takes while it is taken up again); `stopWhen` is looked at until
   * it holds, and then the attempt is stopped, as the command is by a signal.
   */
  async function run(
    params: object,
    { fresh = true, stopWhen }: { fresh?: boolean; stopWhen?: () => Promise<boolean> } = {},
  ) {
    const { id } = await startCall(db, leadgen, params, { fresh })
    const leases = createLeaseKeeper({ db, log, leaseSeconds: 20 })
    const executor = { db, http, files, log, settings, leases, oneAttempt: true }
    const stopping = new AbortController()
    const running = runTree(id, {
      executor,
      jobs: [leadgen],
      worker: 'test',
      leaseSeconds: 20,
      concurrency: 1,
      stopping: stopping.signal,
    })
    const stop = async (when: () => Promise<boolean>) => {
      await until('it is to be stopped', when)
      const reason = new Fault('interrupted', 'stopped by a signal')
      stopping.abort(reason)
      leases.stopAll(reason, 0)
    }
    try {
      const [call] = await Promise.all([running, stopWhen && stop(stopWhen)])
      return { call, id, result: call.result as LeadgenResult | null }
    } finally {
      await leases.close()
    }
  }

  /** What Apollo was asked, in order: pages of searches, and ids of batches. */
  async function asked() {
    const lines = await upstream.log()
    const searches = lines.filter(({ path }) => path.endsWith('api_search'))
    const matches = lines.filter(({ path }) => path.endsWith('bulk_match'))
    const pages = searches.map(({ detail }) => Number(/page=(\d+)/.exec(detail)?.[1]))
    const firsts = pages.flatMap((page, index) => (page === 1 ? [index] : []))
    return {
      /** The pages of each step: a step begins with page 1. */
      pages: firsts.map((first, n) => pages.slice(first, firsts[n + 1])),
      searches: searches.map(({ detail }) => detail),
      batches: matches.map(({ detail }) => detail.slice('ids='.length).split(',')),
      statuses: lines.map(({ status }) => status),
    }
  }
  return { database, db, apollo: upstream, s3, env: allEnv, run, asked }
}

export type LeadgenWorld = Awaited<ReturnType<typeof startLeadgenWorld>>
