import { onTestFinished } from 'vitest'
import type { AmocrmOptions } from '../../sandbox/amocrm/options.ts'
import type { JobCall } from '../../src/db/job-calls.ts'
import { createHttpClient, type HttpClient } from '../../src/etl/extract/http-client.ts'
import { catalog, findJob } from '../../src/jobs/catalog.ts'
import { createLeaseKeeper } from '../../src/jobs/lease-keeper.ts'
import { runTree } from '../../src/jobs/run-tree.ts'
import { startCall } from '../../src/jobs/start-call.ts'
import { createLog } from '../../src/log.ts'
import { parseSettings } from '../../src/settings.ts'
import { type Oddity, oddServer } from './odd-server.ts'
import { createDatabase, type TestDatabase } from '../support/database.ts'
import { startTestSandbox } from '../support/sandbox.ts'

export interface CrmWorld {
  db: TestDatabase['db']
  admin: (method: string, path: string, body?: unknown) => Promise<string>
  /** Runs `crm-contacts` to its end, in this process. */
  run(params?: object): Promise<JobCall>
  /** Runs it; fails the test where it does not succeed. Answers how many requests it took. */
  succeed(params?: object): Promise<number>
  change(...changes: object[]): Promise<void>
  fault(...faults: object[]): Promise<void>
  requests(): Promise<LogEntry[]>
}

export interface LogEntry {
  n: number
  at: number
  path: string
  query: string
  status: number
  ids: number
  rows: number
}

interface Given {
  amocrm?: Partial<AmocrmOptions>
  /** What the server does differently from the sandbox. */
  oddity?: Oddity
  headersMs?: number
}

/** A database, a sandbox and the job, with retries after milliseconds rather than seconds. */
export async function crmWorld({ amocrm = {}, oddity, headersMs }: Given = {}): Promise<CrmWorld> {
  const { db } = await createDatabase()
  const sandbox = await startTestSandbox(amocrm)
  const settings = parseSettings({
    ...sandbox.env,
    ...(oddity && { AMOCRM_BASE_URL: await oddServer(sandbox.url, oddity) }),
  })
  const log = createLog('silent')
  const worker = 'test'
  const client = createHttpClient({ db, log, worker, retryDelaysMs: [1, 2, 4] })
  onTestFinished(() => client.close())
  const http: HttpClient = headersMs
    ? {
        ...client,
        send: (upstream, request, context) =>
          client.send({ ...upstream, timeouts: { headersMs } }, request, context),
      }
    : client

  const run = async (params: object = {}) => {
    const { id } = await startCall(db, findJob(catalog, 'crm-contacts'), params)
    const leases = createLeaseKeeper({ db, log, leaseSeconds: 20 })
    const executor = { db, http, log, settings, leases, oneAttempt: true }
    try {
      return await runTree(id, {
        executor,
        jobs: catalog,
        worker,
        leaseSeconds: 20,
        concurrency: 2,
        stopping: new AbortController().signal,
      })
    } finally {
      await leases.close()
    }
  }
  const requests = async () => lines<LogEntry>(await sandbox.admin('GET', '/log'))
  return {
    db,
    admin: sandbox.admin,
    run,
    async succeed(params) {
      const before = (await requests()).length
      const call = await run(params)
      if (call.status !== 'succeeded')
        throw new Error(`${call.status}: ${JSON.stringify(call.error)}`)
      return (await requests()).length - before
    },
    change: async (...changes) => {
      await sandbox.admin('POST', '/amocrm/changes', { changes })
    },
    fault: async (...faults) => {
      await sandbox.admin('POST', '/amocrm/faults', faults)
    },
    requests,
  }
}

export const lines = <T>(text: string): T[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))
