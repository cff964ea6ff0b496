import { type BenchSandbox, createDatabase, startServers, type Servers } from './servers.ts'
import { runCrmJob } from './run-crm-job.ts'
import { printTable } from './print-table.ts'
import { readSeedsWay } from './seeds-way.ts'

/** What the sandbox does by default, as amoCRM would: 250 ms an answer, 7 requests a second. */
const real = { latencyMs: 250, perSecond: 7 }
/** Nothing but our own work. */
const local = { latencyMs: 0, perSecond: 100_000 }

export async function benchCrm(options: { json?: true; companies: number }): Promise<void> {
  const servers = await startServers()
  try {
    const some = await someCompanies(servers, options.companies)
    const full = await everything(servers)
    const ceiling = await localCeiling(servers)
    if (options.json) {
      process.stdout.write(`${JSON.stringify({ some, full, ceiling }, null, 2)}\n`)
      return
    }
    const { seed, ours, again } = some
    printTable(`contacts of ${options.companies} of 2,000 companies, 25,000 contacts`, [
      ['', 'requests', 'seconds', 'rows'],
      ["the seed's way", seed.requests, seed.seconds, seed.rows],
      ['ours', ours.requests, ours.seconds, ours.rows],
      ['ours, a moment later (maxAgeMinutes)', again.requests, again.seconds, again.rows],
      ['times faster', '', some.timesFaster, ''],
    ])
    printTable('all 25,000 contacts, 7 requests a second, 250 ms an answer', Object.entries(full))
    printTable('the same with no latency and no limit', Object.entries(ceiling))
  } finally {
    await servers.stop()
  }
}

async function someCompanies(servers: Servers, count: number) {
  const sandbox = await servers.startSandbox(real)
  const companyIds = await sandbox.companyIds(count)
  const seed = await readSeedsWay(sandbox, companyIds)
  const database = await createDatabase(servers)
  const ours = await runCrmJob(database, sandbox, real.perSecond, { companyIds })
  const again = await runCrmJob(database, sandbox, real.perSecond, {
    companyIds,
    maxAgeMinutes: 60,
  })
  await sandbox.stop()
  if (ours.contacts !== seed.rows)
    throw new Error(`ours brought ${ours.contacts} contacts, the seed's way ${seed.rows}`)
  const brief = ({ requests, jobSeconds, contacts }: typeof ours) => ({
    requests,
    seconds: jobSeconds,
    rows: contacts,
  })
  return {
    seed,
    ours: brief(ours),
    again: brief(again),
    timesFaster: round(seed.seconds / ours.jobSeconds, 1),
  }
}

async function everything(servers: Servers) {
  const sandbox = await servers.startSandbox(real)
  const database = await createDatabase(servers)
  const run = await runCrmJob(database, sandbox, real.perSecond, {})
  const changes = await runCrmJob(database, sandbox, real.perSecond, {})
  await sandbox.stop()
  return {
    requests: run.requests,
    contacts: run.contacts,
    'seconds from first to last request': run.sendSeconds,
    'quota used %': round((100 * run.requests) / (real.perSecond * run.sendSeconds), 1),
    'seconds of the job': run.jobSeconds,
    'seconds of the process': run.processSeconds,
    'answers 429': run.tooMany,
    'peak memory of the process, MB': run.peakMb,
    'requests of the next run, nothing changed': changes.requests,
  }
}

async function localCeiling(servers: Servers) {
  const sandbox = await servers.startSandbox(local)
  const database = await createDatabase(servers)
  const run = await runCrmJob(database, sandbox, 1000, {})
  const pageMs = await fetchPages(sandbox, 100)
  await sandbox.stop()
  return {
    requests: run.requests,
    'seconds of the job': run.jobSeconds,
    'pages per second': round(run.requests / run.jobSeconds, 1),
    'rows per second': Math.round(run.rowsRead / run.jobSeconds),
    'milliseconds a page takes the sandbox alone': round(pageMs, 1),
    'peak memory of the process, MB': run.peakMb,
  }
}

/** How long a page takes the server and a client that throws it away, in milliseconds. */
async function fetchPages({ amocrm, token }: BenchSandbox, pages: number): Promise<number> {
  const headers = { authorization: `Bearer ${token}` }
  const begun = performance.now()
  for (let page = 1; page <= pages; page++)
    await (await fetch(`${amocrm}/api/v4/contacts?limit=250&page=${page}`, { headers })).text()
  return (performance.now() - begun) / pages
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}
