import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout } from 'node:timers/promises'
import { printTable } from './print-table.ts'
import { type BenchSandbox, createDatabase, query, startServers } from './servers.ts'

/** What is on its way for so long is killed with its poller. */
const killAfterMs = 15_000
/** The shortest time between two polls of a job, less the jitter of both. */
const intervalMs = 1_875 - 2 * 188

interface Poll {
  at: number
  ids: number
  open: number
}

/** Very many texts, answered late: how they end, how often the service was asked, and what a poller that was away has lost. */
export async function benchAnalysis(options: {
  json?: true
  items: number
  down: number
}): Promise<void> {
  const servers = await startServers()
  let poller: ChildProcess | undefined
  try {
    const takes = { min: 1, max: 120 }
    const sandbox = await servers.startSandbox({
      latencyMs: 0,
      perSecond: 1000,
      analysisSeconds: takes,
    })
    const database = await createDatabase(servers)
    poller = startPoller(database, sandbox)
    await untilTrue(async () => await hasTable(database))
    await addTexts(database, options.items)
    const begun = performance.now()
    await setTimeout(killAfterMs)
    await kill(poller)
    const from = Date.now()
    await setTimeout(options.down * 1000)
    const away = { from, to: Date.now() }
    poller = startPoller(database, sandbox)
    await untilTrue(async () => (await openTasks(database)) === 0)
    const seconds = (performance.now() - begun) / 1000
    await kill(poller)
    const told = {
      seconds: Math.round(seconds),
      down: options.down,
      ...(await tell(database, sandbox, away)),
    }
    await sandbox.stop()
    if (options.json) return void process.stdout.write(`${JSON.stringify(told, null, 2)}\n`)
    printTable(`${options.items} texts, answered after ${takes.min} to ${takes.max} s`, [
      ...told.ends.map(({ status, count }) => [status, count] as const),
      ['seconds, to the last result', told.seconds],
      ['of which nobody polled', told.down],
      ['texts that the service took twice', told.twice],
      ['requests to hand over', told.submits],
      ['requests to ask', told.polls],
      ['jobs asked for by these', told.asked],
      ['most requests to ask in an interval, for 50 jobs that were out', told.mostForFifty],
      ['lateness of results in s: median', told.lateness.median],
      ['lateness of results in s: most', told.lateness.most],
    ])
  } finally {
    poller?.kill('SIGKILL')
    await servers.stop()
  }
}

async function tell(database: string, sandbox: BenchSandbox, away: { from: number; to: number }) {
  const ends = await query<{ status: string; count: number }>(
    database,
    'select status, count(*)::int as count from ledger.analysis_tasks group by 1 order by 1',
  )
  const [asked] = await query<{ submits: number; polls: number }>(
    database,
    `select sum(requests) filter (where operation = 'submit')::int as submits,
       sum(requests) filter (where operation = 'poll')::int as polls from ledger.service_calls`,
  )
  const polls = await sandbox.bookOf<Poll>('polls')
  const taken = await sandbox.bookOf<{ accepted: number }>('analysed')
  const forFifty = polls.map(({ at, open }) => {
    const inInterval = polls.filter((other) => other.at <= at && other.at > at - intervalMs)
    return inInterval.length / Math.max(1, Math.ceil(open / 50))
  })
  return {
    ends,
    submits: asked?.submits ?? 0,
    polls: asked?.polls ?? 0,
    asked: polls.reduce((sum, { ids }) => sum + ids, 0),
    twice: taken.filter(({ accepted }) => accepted > 1).length,
    mostForFifty: Math.max(...forFifty),
    lateness: await latenesses(database, sandbox, away),
  }
}

/** From the end of a job, as the service tells it, to its results in the database, in s: of those that ended while somebody polled. */
async function latenesses(
  database: string,
  sandbox: BenchSandbox,
  away: { from: number; to: number },
): Promise<{ median: number; most: number }> {
  const batches = await query<{ id: string; finished_at: Date }>(
    database,
    "select id, finished_at from ledger.analysis_batches where status = 'done'",
  )
  const finished = new Map(batches.map((batch) => [batch.id, batch.finished_at.getTime()]))
  const jobs = await sandbox.bookOf<{ key: string; completed_at: string }>('jobs')
  const late = jobs
    .map(({ key, completed_at: at }) => ({ ended: Date.parse(at), written: finished.get(key) }))
    .filter(({ ended }) => ended < away.from - 60_000 || ended > away.to)
    .flatMap(({ ended, written }) => (written === undefined ? [] : (written - ended) / 1000))
    .toSorted((one, other) => one - other)
  return { median: tenths(late[Math.floor(late.length / 2)]), most: tenths(late.at(-1)) }
}

const tenths = (seconds = 0) => Math.round(seconds * 10) / 10

function startPoller(database: string, sandbox: BenchSandbox): ChildProcess {
  return spawn(process.execPath, ['src/main.ts', '--only', 'scheduler,worker'], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: database,
      TEXT_ML_BASE_URL: sandbox.textMl,
      TEXT_ML_API_KEY: 'sandbox-key',
      TEXT_ML_REQUESTS_PER_SECOND: '20',
      LOG_LEVEL: 'error',
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  })
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

async function addTexts(database: string, count: number): Promise<void> {
  await query(
    database,
    `insert into ledger.analysis_tasks (content_key, service, kind, content, job_call_id, root_call_id)
     select public.text_key(t), 'text-ml', 'text', jsonb_build_object('text', t), c.id, c.id
     from (select ledger.uuid_v7() as id offset 0) c, generate_series(1, ${count}) n, lateral (select 'A text, number ' || n) as x (t)`,
  )
}

async function openTasks(database: string): Promise<number> {
  const [row] = await query<{ open: number }>(
    database,
    'select count(*)::int as open from ledger.analysis_tasks where finished_at is null',
  )
  return row?.open ?? 0
}

async function hasTable(database: string): Promise<boolean> {
  const [row] = await query<{ there: boolean }>(
    database,
    `select exists (select from pg_tables where tablename = 'idempotency_keys') and to_regclass('public.text_analysis') is not null
       and exists (select from pg_views where viewname = 'runs') as there`,
  )
  return row?.there ?? false
}

async function untilTrue(look: () => Promise<boolean>): Promise<void> {
  while (!(await look())) await setTimeout(500)
}
