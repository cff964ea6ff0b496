import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Client } from 'pg'
import { startPrivatePostgres } from '../src/embedded/private-server.ts'

export interface Servers {
  postgresUrl: string
  startSandbox(options: SandboxOptions): Promise<BenchSandbox>
  /** A folder that the server can write to. */
  dir: string
  stop(): Promise<void>
}

export interface SandboxOptions {
  latencyMs: number
  perSecond: number
  /** How many posts and comments the first profile of Instagram has. Default: as many as the others. */
  giant?: { posts: number; comments: number }
  /** What texts take to be analysed, in seconds. */
  analysisSeconds?: { min: number; max: number }
}

export interface BenchSandbox {
  /** Base URLs. */
  amocrm: string
  instagram: string
  textMl: string
  token: string
  /** What the text service has kept in its books: a line each of `/polls`, `/analysed`, `/jobs`. */
  bookOf<Line>(book: 'polls' | 'analysed' | 'jobs'): Promise<Line[]>
  /** What was asked since the last time. */
  takeStats(): Promise<Stats>
  /** Ids of so many companies, spread over all. */
  companyIds(count: number): Promise<number[]>
  stop(): Promise<void>
}

export interface Stats {
  requests: number
  tooMany429: number
  firstAt: number | null
  lastAt: number | null
}

/** A Postgres for this bench alone, with everything that makes it safe, and sandboxes in processes of their own. */
export async function startServers(): Promise<Servers> {
  const postgres = await startPrivatePostgres()
  return { postgresUrl: postgres.url, dir: postgres.dir, startSandbox, stop: () => postgres.stop() }
}

/** A new empty database: its URL. */
export async function createDatabase({ postgresUrl }: Servers): Promise<string> {
  const name = `bench_${randomBytes(4).toString('hex')}`
  await query(postgresUrl, `create database ${name}`)
  return Object.assign(new URL(postgresUrl), { pathname: `/${name}` }).href
}

export async function query<Row extends object>(url: string, statement: string): Promise<Row[]> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query<Row>(statement)).rows
  } finally {
    await client.end()
  }
}

async function startSandbox(options: SandboxOptions): Promise<BenchSandbox> {
  const { latencyMs, perSecond, giant, analysisSeconds: takes } = options
  const child = spawn(
    process.execPath,
    [
      'sandbox/main.ts',
      '--port=0',
      `--latency-ms=${latencyMs}`,
      `--per-second=${perSecond}`,
      `--account-per-second=${Math.max(50, perSecond)}`,
      `--instagram-latency-ms=${latencyMs}`,
      `--instagram-per-second=${perSecond}`,
      ...(takes ? [`--analysis-seconds=${takes.min},${takes.max}`] : []),
      ...(giant ? [`--giant=${giant.posts},${giant.comments}`] : []),
    ],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const exited = once(child, 'exit')
  const [line] = await once(createInterface(child.stdout), 'line')
  const { listening }: { listening: string } = JSON.parse(String(line))
  const admin = async (path: string, body?: object) => {
    const answer = await fetch(`${listening}/_sandbox${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
    })
    return await answer.text()
  }
  return {
    amocrm: `${listening}/amocrm`,
    instagram: `${listening}/instagram`,
    textMl: `${listening}/text-ml`,
    async bookOf<Line>(book: 'polls' | 'analysed' | 'jobs') {
      const lines = (await admin(`/text-ml/${book}`)).split('\n').filter(Boolean)
      return lines.map((one): Line => JSON.parse(one))
    },
    token: 'sandbox-token',
    async takeStats() {
      const all: { amocrm: Stats } = JSON.parse(await admin('/stats'))
      await admin('/reset', { only: ['log'] })
      return all.amocrm
    },
    async companyIds(count) {
      const state = (await admin('/amocrm/state')).split('\n').filter(Boolean)
      const ids = state
        .map((one): { kind: string; id: number } => JSON.parse(one))
        .filter(({ kind }) => kind === 'companies')
        .map(({ id }) => id)
      const step = Math.floor(ids.length / count)
      return ids.filter((_, i) => i % step === 1).slice(0, count)
    },
    async stop() {
      child.kill()
      await exited
    },
  }
}
