import { sql } from 'kysely'
import { onTestFinished } from 'vitest'
import type { AnalysisOptions } from '../../../sandbox/analysis/options.ts'
import type { ReplicateOptions } from '../../../sandbox/replicate/options.ts'
import { startSandbox } from '../../../sandbox/server.ts'
import { insertJobCalls, type JobCall } from '../../../src/db/job-calls.ts'
import { createHttpClient } from '../../../src/etl/extract/http-client.ts'
import { catalog, findJob, parseParams } from '../../../src/jobs/catalog.ts'
import { createLeaseKeeper } from '../../../src/jobs/lease-keeper.ts'
import { runTree } from '../../../src/jobs/run-tree.ts'
import { createLog } from '../../../src/log.ts'
import { parseSettings } from '../../../src/settings.ts'
import { small } from '../../instagram-job/support/world.ts'
import { createDatabase } from '../../support/database.ts'
import { until } from '../../support/until.ts'

export type ServiceName = 'vision' | 'text-ml' | 'replicate'

export interface WorldOptions {
  /** Of both services. Default: no latency, no failures, a job takes a minute of the service's clock. */
  service?: Partial<AnalysisOptions>
  replicate?: Partial<ReplicateOptions>
  env?: Record<string, string>
  profiles?: number
}

/** A simulated Instagram and the services, a database, and the jobs in this process. */
export async function analysisWorld({
  service = {},
  replicate = {},
  env = {},
  profiles = 2,
}: WorldOptions = {}) {
  const quick = { latencyMs: 0, perSecond: 1_000_000, failShare: 0, minSeconds: 60, maxSeconds: 60 }
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    instagram: { ...small, profiles, now: Math.floor(Date.now() / 1000) },
    vision: { ...quick, ...service },
    textMl: { ...quick, ...service },
    replicate: { latencyMs: 0, ...replicate },
  })
  onTestFinished(() => sandbox.close())
  const database = await createDatabase()
  const { db } = database
  const { baseUrls } = sandbox
  const allEnv: Record<string, string> = {
    INSTAGRAM_BASE_URL: baseUrls.instagram,
    INSTAGRAM_ACCESS_KEY: 'sandbox-key',
    INSTAGRAM_REQUESTS_PER_SECOND: '1000',
    VISION_BASE_URL: baseUrls.vision,
    VISION_API_KEY: 'sandbox-key',
    VISION_REQUESTS_PER_SECOND: '1000',
    TEXT_ML_BASE_URL: baseUrls.textMl,
    TEXT_ML_API_KEY: 'sandbox-key',
    TEXT_ML_REQUESTS_PER_SECOND: '1000',
    ...env,
    ...(env['VISION_API'] === 'replicate' && { VISION_BASE_URL: baseUrls.replicate }),
  }
  const settings = parseSettings(allEnv)
  const log = createLog('silent')
  const http = createHttpClient({ db, log, worker: 'test', retryDelaysMs: [1, 2, 4] })
  onTestFinished(() => http.close())

  /** Runs a call of a job to its end, with all under it. */
  async function run(name: string, given: object = {}): Promise<JobCall> {
    const job = findJob(catalog, name)
    const params = parseParams(job, given)
    const subject = job.subject?.(params) ?? ''
    const call = { job: name, trigger: 'cli', subject, params, wake: false } as const
    const [id = ''] = await insertJobCalls(db, [call])
    const leases = createLeaseKeeper({ db, log, leaseSeconds: 2 })
    const executor = { db, http, log, settings, leases, oneAttempt: true }
    const stopping = new AbortController().signal
    try {
      const options = { executor, jobs: catalog, worker: 'test', leaseSeconds: 2 }
      return await runTree(id, { ...options, concurrency: 4, stopping })
    } finally {
      await leases.close()
    }
  }
  const admin = async (
    name: ServiceName | 'instagram',
    method: string,
    path: string,
    body?: unknown,
  ) => {
    const answer = await fetch(`${sandbox.url}/_sandbox/${name}${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text
  }
  const lines = async <T>(name: ServiceName, path: string): Promise<T[]> =>
    (await admin(name, 'GET', path)).split('\n').flatMap((line) => (line ? [JSON.parse(line)] : []))

  const countOpen = async () => {
    const { rows } = await sql<{ open: number }>`
      select count(*) as open from ledger.analysis_tasks where finished_at is null`.execute(db)
    return rows[0]?.open
  }

  return {
    db,
    database,
    env: { ...allEnv, DATABASE_URL: database.url },
    settings,
    run,
    admin,
    usernames: async () => {
      const told = await admin('instagram', 'GET', '/state?kind=profiles')
      return told.split('\n').flatMap((line) => (line ? [String(JSON.parse(line).username)] : []))
    },
    lines,
    /** Moves the services' clocks on: jobs are done a minute after they were handed over. */
    async finish(seconds = 100) {
      for (const name of ['vision', 'text-ml', 'replicate'] as const)
        await admin(name, 'POST', '/clock', { advanceSeconds: seconds })
    },
    /** Makes everything that waits for its time due now. */
    async makeDue() {
      await sql`update ledger.analysis_batches set due_at = clock_timestamp() where finished_at is null`.execute(
        db,
      )
      await sql`update ledger.analysis_tasks set due_at = clock_timestamp() where finished_at is null`.execute(
        db,
      )
    },
    /** Hands over, lets the services work, and asks, until nothing is out any more. */
    async settle(params: object = {}) {
      await until(
        'nothing is out any more',
        async () => {
          await run('poll-analysis', { seconds: 0, ...params })
          await this.finish()
          await this.makeDue()
          return (await countOpen()) === 0
        },
        50_000,
      )
    },
    /** As many texts that wait, each of its own, as if pages had brought them. */
    async addTexts(count: number, of = 'text') {
      await sql`
        insert into ledger.analysis_tasks (content_key, service, kind, content, job_call_id, root_call_id)
        select public.text_key(t), 'text-ml', 'text', jsonb_build_object('text', t), c.id, c.id
        from (select ledger.uuid_v7() as id offset 0) c, generate_series(1, ${count}::int) n, lateral (select ${of}::text || ' ' || n) as x (t)`.execute(
        db,
      )
    },
    /** Tasks by kind and status. */
    async tasks(): Promise<Record<string, number>> {
      const { rows } = await sql<{ what: string; count: number }>`
        select kind || ' ' || status as what, count(*) as count from ledger.analysis_tasks group by 1 order by 1`.execute(
        db,
      )
      return Object.fromEntries(rows.map(({ what, count }) => [what, count]))
    },
    async rows<Row>(statement: string): Promise<Row[]> {
      return (await sql.raw<Row>(statement).execute(db)).rows
    },
    /** How often each content was taken, by the service's own books. */
    taken: async (name: ServiceName) =>
      await lines<{ content: string; accepted: number }>(name, '/analysed'),
  }
}
export type AnalysisWorld = Awaited<ReturnType<typeof analysisWorld>>
