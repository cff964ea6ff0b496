import { onTestFinished } from 'vitest'
import type { InstagramOptions } from '../../../sandbox/instagram/options.ts'
import type { LogEntry } from '../../../sandbox/request-log.ts'
import { startSandbox } from '../../../sandbox/server.ts'
import { insertJobCalls, type JobCall } from '../../../src/db/job-calls.ts'
import { createHttpClient } from '../../../src/etl/extract/http-client.ts'
import { catalog, findJob, parseParams } from '../../../src/jobs/catalog.ts'
import { createLeaseKeeper } from '../../../src/jobs/lease-keeper.ts'
import { runTree } from '../../../src/jobs/run-tree.ts'
import { startCall } from '../../../src/jobs/start-call.ts'
import { createLog } from '../../../src/log.ts'
import { parseSettings } from '../../../src/settings.ts'
import { createDatabase } from '../../support/database.ts'
import type { StateRow } from '../../sandbox/with-instagram.ts'

/** What the sandbox tells of a row, as far as the tests ask. */
export type Told = StateRow & {
  full_name: string
  biography: string
  following_count: number
  media_type: number
  caption_text: string
  play_count: number | null
  text: string
  created_at: number
  title: string
}

/** Little of everything, so that a run takes seconds; by the clock of today, since watermarks go by it. */
export const small: Partial<InstagramOptions> = {
  latencyMs: 5,
  perSecond: 1_000_000,
  profiles: 6,
  crowd: 300,
  privatePercent: 0,
  gonePercent: 0,
  renamedPercent: 0,
  postsPerProfile: { min: 4, max: 30, skew: 2 },
  commentsPerPost: { zero: 0.5, min: 1, max: 40, skew: 3 },
  likers: { zero: 0.3, min: 1, max: 5 },
  followers: { min: 3, max: 60 },
  following: { min: 3, max: 60 },
}

/** A simulated Instagram of a test's own. */
export async function startInstagram(options: Partial<InstagramOptions> = {}) {
  const now = Math.floor(Date.now() / 1000)
  const sandbox = await startSandbox({
    amocrm: { companies: 1, contacts: 1 },
    instagram: { ...small, now, ...options },
  })
  onTestFinished(() => sandbox.close())
  const admin = async (method: string, path: string, body?: unknown) => {
    const answer = await fetch(`${sandbox.url}/_sandbox${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text
  }
  let first = 0
  return {
    env: {
      INSTAGRAM_BASE_URL: sandbox.baseUrls.instagram,
      INSTAGRAM_ACCESS_KEY: 'sandbox-key',
      INSTAGRAM_REQUESTS_PER_SECOND: '1000',
    },
    state: async (kind: string, profile?: string): Promise<Told[]> => {
      const of = profile === undefined ? '' : `&profile=${profile}`
      return lines(await admin('GET', `/instagram/state?kind=${kind}${of}`))
    },
    /** Answers what each change was made to. */
    async change(...changes: object[]): Promise<{ pk: string; profile: string }[]> {
      const { applied } = JSON.parse(await admin('POST', '/instagram/changes', { changes }))
      for (const one of applied) if (one.skipped) throw new Error(JSON.stringify(one))
      return applied
    },
    fault: (...faults: object[]) => admin('POST', '/instagram/faults', faults),
    noFaults: () => admin('DELETE', '/instagram/faults'),
    patch: (patch: object) => admin('PATCH', '/instagram/settings', patch),
    /** Requests since they were last forgotten, oldest first. */
    requests: async () => lines<LogEntry>(await admin('GET', `/log?since=${first}`)),
    async forgetRequests() {
      first = lines<LogEntry>(await admin('GET', '/log')).at(-1)?.n ?? 0
    },
  }
}
export type Instagram = Awaited<ReturnType<typeof startInstagram>>

const lines = <T>(text: string): T[] =>
  text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]))

/** A simulated Instagram, a database, and the job in this process, with retries after milliseconds rather than seconds. */
export async function instagramWorld(options: Partial<InstagramOptions> = {}, env: object = {}) {
  const instagram = await startInstagram(options)
  const database = await createDatabase()
  const { db } = database
  const settings = parseSettings({ ...instagram.env, ...env })
  const log = createLog('silent')
  const worker = 'test'
  const http = createHttpClient({ db, log, worker, retryDelaysMs: [1, 2, 4] })
  onTestFinished(() => http.close())

  /** Runs a call and all under it to its end. */
  const runCall = async (id: string, concurrency = 4): Promise<JobCall> => {
    const leases = createLeaseKeeper({ db, log, leaseSeconds: 2 })
    const executor = { db, http, log, settings, leases, oneAttempt: true }
    const stopping = new AbortController().signal
    try {
      return await runTree(id, {
        executor,
        jobs: catalog,
        worker,
        leaseSeconds: 2,
        concurrency,
        stopping,
      })
    } finally {
      await leases.close()
    }
  }
  const job = findJob(catalog, 'instagram')
  /** As `npm run job` does: takes up what failed with the same parameters. */
  const run = async (params: object = {}) => await runCall((await startCall(db, job, params)).id)
  /** As a tick does: a new call, whatever became of the last one. */
  const queue = async (given: object = {}): Promise<string> => {
    const params = parseParams(job, given)
    const call = {
      job: job.name,
      trigger: 'cron',
      subject: job.subject?.(params) ?? '',
      params,
    } as const
    const [id = ''] = await insertJobCalls(db, [{ ...call, wake: false }])
    return id
  }
  return {
    ...instagram,
    db,
    database,
    settings,
    run,
    runCall,
    queue,
    newNight: async (params: object = {}) => await runCall(await queue(params)),
    /** Runs it; throws where it does not succeed. Answers its requests. */
    async succeed(params: object = {}): Promise<LogEntry[]> {
      await instagram.forgetRequests()
      const call = await run(params)
      if (call.status !== 'succeeded')
        throw new Error(`${call.status}: ${JSON.stringify(call.error)}`)
      return await instagram.requests()
    },
    usernames: async () => (await instagram.state('profiles')).map((profile) => profile.username),
  }
}
export type World = Awaited<ReturnType<typeof instagramWorld>>

/** Ways of the crawler API, short: `medias`, `comments`, ... */
export const wayOf = ({ path }: Pick<LogEntry, 'path'>): string => {
  const ways: [RegExp, string][] = [
    [/\/user\/by\//, 'profile'],
    [/\/user\/medias\//, 'posts'],
    [/\/user\/clips\//, 'reels'],
    [/\/comments\/replies/, 'replies'],
    [/\/media\/comments/, 'comments'],
    [/\/media\/likers/, 'likers'],
    [/\/media\/by\/id/, 'post by id'],
    [/\/followers\//, 'followers'],
    [/\/following\//, 'following'],
    [/\/stories/, 'stories'],
    [/\/user\/highlights/, 'highlights'],
    [/\/highlight\/by\/id/, 'highlight items'],
  ]
  return ways.find(([pattern]) => pattern.test(path))?.[1] ?? path
}

/** How many requests of each way. */
export function count(requests: readonly LogEntry[]): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const request of requests) counts[wayOf(request)] = (counts[wayOf(request)] ?? 0) + 1
  return counts
}
