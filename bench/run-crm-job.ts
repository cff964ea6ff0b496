import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type BenchSandbox, query } from './servers.ts'

/** Runs `crm-contacts` as the command does, in a process of its own, and says what it cost. */
export async function runCrmJob(
  databaseUrl: string,
  sandbox: BenchSandbox,
  perSecond: number,
  params: object,
) {
  await sandbox.takeStats()
  const dir = mkdtempSync(path.join(tmpdir(), 'nightledger-bench-'))
  const peakFile = path.join(dir, 'peak')
  const begun = performance.now()
  const child = spawn(
    process.execPath,
    [
      '--import=./bench/report-peak-memory.ts',
      ...asNpmRunsIt(),
      'crm-contacts',
      '--params',
      JSON.stringify(params),
    ],
    {
      env: {
        PATH: process.env['PATH'],
        PEAK_FILE: peakFile,
        DATABASE_URL: databaseUrl,
        AMOCRM_BASE_URL: sandbox.baseUrl,
        AMOCRM_ACCESS_TOKEN: sandbox.token,
        AMOCRM_REQUESTS_PER_SECOND: String(perSecond),
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let output = ''
  child.stderr.on('data', (chunk) => {
    output += String(chunk)
  })
  const [code] = await once(child, 'close')
  const processSeconds = (performance.now() - begun) / 1000
  if (code !== 0) throw new Error(`the job ended with ${code}:\n${output}`)
  const peakMb = Number(readFileSync(peakFile, 'utf8')) / 1024
  rmSync(dir, { recursive: true, force: true })

  const stats = await sandbox.takeStats()
  const [call] = await query<{ seconds: number; rows: string; contacts: number }>(
    databaseUrl,
    `select extract(epoch from finished_at - started_at)::float8 as seconds,
       (select sum(rows_read) from ledger.service_calls s where s.job_call_id = c.id) as rows,
       (select count(*)::int from contacts) as contacts
     from ledger.job_calls c order by id desc limit 1`,
  )
  return {
    requests: stats.requests,
    tooMany: stats.tooMany429,
    sendSeconds: short(((stats.lastAt ?? 0) - (stats.firstAt ?? 0)) / 1000),
    jobSeconds: short(call?.seconds ?? 0),
    processSeconds: short(processSeconds),
    rowsRead: Number(call?.rows ?? 0),
    contacts: call?.contacts ?? 0,
    peakMb: Math.round(peakMb),
  }
}

const short = (seconds: number) => Number(seconds.toFixed(2))

/** Flags of the runtime and program of `npm run job`. */
function asNpmRunsIt(): string[] {
  const manifest: { scripts: { job: string } } = JSON.parse(readFileSync('package.json', 'utf8'))
  return manifest.scripts.job.split(' ').slice(1)
}
