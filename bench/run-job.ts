import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface JobProcess {
  /** Of the process, from its start to its end. */
  seconds: number
  peakMb: number
  /** Resident memory in MB, a sample each 100 ms, by seconds since 1970. */
  memory: { at: number; mb: number }[]
}

/** Runs a job as the command does, in a process of its own. @throws with its output where it does not succeed. */
export async function runJob(
  databaseUrl: string,
  job: string,
  params: object,
  env: Record<string, string>,
): Promise<JobProcess> {
  const dir = mkdtempSync(path.join(tmpdir(), 'nightledger-bench-'))
  const memoryFile = path.join(dir, 'memory')
  const begun = performance.now()
  const child = spawn(
    process.execPath,
    [
      '--import=./bench/report-memory.ts',
      ...asNpmRunsIt(),
      job,
      '--params',
      JSON.stringify(params),
    ],
    {
      env: {
        PATH: process.env['PATH'],
        MEMORY_FILE: memoryFile,
        DATABASE_URL: databaseUrl,
        ...env,
      },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  )
  let output = ''
  child.stderr.on('data', (chunk) => {
    output = `${output}${String(chunk)}`.slice(-10_000)
  })
  const [code] = await once(child, 'close')
  const seconds = (performance.now() - begun) / 1000
  if (code !== 0) throw new Error(`the job ended with ${code}:\n${output}`)
  const told: Omit<JobProcess, 'seconds'> = JSON.parse(readFileSync(memoryFile, 'utf8'))
  rmSync(dir, { recursive: true, force: true })
  return { seconds, ...told }
}

/** Flags of the runtime and program of `npm run job`. */
function asNpmRunsIt(): string[] {
  const manifest: { scripts: { job: string } } = JSON.parse(readFileSync('package.json', 'utf8'))
  return manifest.scripts.job.split(' ').slice(1)
}
