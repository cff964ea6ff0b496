import { existsSync, readFileSync, readlinkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import { startFailure } from './start-failure.ts'
import { waitUntil } from './wait-until.ts'

/** What a running Postgres writes about itself into its data folder. */
export interface Postmaster {
  pid: number
  port: number
  isReady: boolean
}

/** Reads `postmaster.pid`. @returns undefined where there is none, or just half of it */
export function readPostmaster(dataDir: string): Postmaster | undefined {
  try {
    const lines = readFileSync(join(dataDir, 'postmaster.pid'), 'utf8').split('\n')
    const pid = Number(lines[0])
    if (!(pid > 1)) return undefined
    return { pid, port: Number(lines[3]), isReady: lines[7]?.trim() === 'ready' }
  } catch {
    return undefined
  }
}

/**
 * Ends a Postgres that still runs on the data folder because whoever started it was killed: in an
 * orderly way, then ever harder. Call it only where nobody else may use the folder.
 *
 * @throws Fault when it does not end
 */
export async function endOrphan(dataDir: string): Promise<void> {
  const orphan = readPostmaster(dataDir)
  if (!orphan || !isAlive(orphan.pid)) return
  if (!runsOn(orphan.pid, dataDir)) {
    // Another process got the number (after a reboot, say). Postgres would take it for a server and
    // refuse; should one be left all the same, it still sees that by the shared memory block.
    rmSync(join(dataDir, 'postmaster.pid'), { force: true })
    return
  }
  const isGone = () => !isAlive(orphan.pid) || !runsOn(orphan.pid, dataDir)
  for (const [signal, patienceMs] of [
    ['SIGINT', 10_000],
    ['SIGQUIT', 5000],
    ['SIGKILL', 5000],
  ] as const) {
    signalProcess(orphan.pid, signal)
    if (await waitUntil(isGone, patienceMs)) return
  }
  throw startFailure(
    'postgres',
    `A Postgres from before (pid ${orphan.pid}) runs on ${dataDir} and does not end.`,
  )
}

/** Sends a signal; a process that has ended meanwhile is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error
  }
}

/** Whether a process with that number exists, ours or not. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return codeOf(error) === 'EPERM'
  }
}

// A postmaster works in its data folder, which Linux tells even if the folder was renamed.
function runsOn(pid: number, dataDir: string): boolean {
  if (existsSync('/proc/self/cwd')) {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === dataDir
    } catch {
      return false // ended, or a stranger's
    }
  }
  const { stdout } = spawnSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' })
  return stdout.includes(dataDir)
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
