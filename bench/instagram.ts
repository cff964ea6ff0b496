import { copyTables } from './copy-tables.ts'
import { fetchInstagram } from './fetch-instagram.ts'
import { printTable } from './print-table.ts'
import { type JobProcess, runJob } from './run-job.ts'
import { createDatabase, query, startServers } from './servers.ts'

const username = 'giant.archive_0'
/** Nothing but our own work. */
const local = { latencyMs: 0, perSecond: 100_000 }
const parallel = 4

/** One profile with very many posts and comments: the sync beside the least that fetching and storing take. */
export async function benchInstagram(options: {
  json?: true
  posts: number
  comments: number
}): Promise<void> {
  const servers = await startServers()
  try {
    const giant = { posts: options.posts, comments: options.comments }
    const sandbox = await servers.startSandbox({ ...local, giant })
    const fetched = await fetchInstagram(sandbox.instagram, username, parallel)
    const database = await createDatabase(servers)
    const params = { usernames: [username], parts: ['profile', 'posts', 'comments'], parallel }
    const process = await runJob(database, 'instagram', params, {
      INSTAGRAM_BASE_URL: sandbox.instagram,
      INSTAGRAM_ACCESS_KEY: 'sandbox-key',
      INSTAGRAM_REQUESTS_PER_SECOND: String(local.perSecond),
    })
    await sandbox.stop()
    const synced = await tellSync(database, process)
    const copied = await copyTables(servers, database)
    const floor = fetched.seconds + copied.seconds
    const ratio = round(synced.seconds / floor, 2)
    if (options.json) {
      globalThis.process.stdout.write(
        `${JSON.stringify({ fetched, copied, synced, ratio }, null, 2)}\n`,
      )
      return
    }
    printTable(`a profile with ${options.posts} posts and ${options.comments} comments`, [
      ['', 'pages', 'rows', 'seconds'],
      ['fetched and thrown away', fetched.pages, '', round(fetched.seconds, 1)],
      ['COPY of the same rows', '', copied.rows, round(copied.seconds, 1)],
      ['the whole sync', synced.pages, synced.rows, round(synced.seconds, 1)],
      ['times fetching and COPY together', '', '', ratio],
    ])
    printTable('the sync', [
      ['posts, records a second: first tenth', synced.posts.first],
      ['posts, records a second: last tenth', synced.posts.last],
      ['comments, records a second: first tenth', synced.comments.first],
      ['comments, records a second: last tenth', synced.comments.last],
      ['peak memory in MB, quarter by quarter', synced.quartersMb.join(', ')],
      ['peak memory of the process, MB', synced.peakMb],
    ])
  } finally {
    await servers.stop()
  }
}

async function tellSync(database: string, process: JobProcess) {
  const [sum] = await query<{ seconds: number; begun: number; pages: number; rows: number }>(
    database,
    `select extract(epoch from max(c.finished_at) - min(c.started_at))::float8 as seconds,
       extract(epoch from min(c.started_at))::float8 as begun,
       (select sum(pages)::int from ledger.service_calls) as pages,
       (select sum(rows_read)::int from ledger.service_calls) as rows
     from ledger.job_calls c`,
  )
  const { seconds = 0, begun = 0, pages = 0, rows = 0 } = sum ?? {}
  const quarter = (n: number) =>
    process.memory.filter(({ at }) => Math.floor(((at - begun) / seconds) * 4) === n)
  const quartersMb = [0, 1, 2, 3].map((n) =>
    Math.round(Math.max(...quarter(n).map(({ mb }) => mb))),
  )
  return {
    seconds,
    pages,
    rows,
    posts: await tenths(database, 'posts'),
    comments: await tenths(database, 'comments'),
    quartersMb,
    peakMb: Math.round(process.peakMb),
  }
}

/** Records a second, of the first and of the last tenth of them, by when they were asked for. */
async function tenths(database: string, entity: string) {
  const rates = await query<{ tenth: number; rate: number }>(
    database,
    `select tenth, round(count(*) / nullif(extract(epoch from max(fetched_at) - min(fetched_at)), 0))::int as rate
     from (select fetched_at, ntile(10) over (order by fetched_at) as tenth from raw.records where entity = '${entity}') r
     where tenth in (1, 10) group by tenth order by tenth`,
  )
  return { first: rates[0]?.rate ?? 0, last: rates[1]?.rate ?? 0 }
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
