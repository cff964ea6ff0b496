import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { Client } from 'pg'
import { onTestFinished, vi } from 'vitest'
import { signalProcess } from '../../src/embedded/postmaster.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'

// Servers start and end here, on machines that may be busy.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

export const sandboxProgram = pathOf('answering-sandbox.ts')

/** The path of a program next to this file. */
export function pathOf(program: string): string {
  return fileURLToPath(new URL(program, import.meta.url))
}

/**
 * A folder for one test. At its end whatever still runs on it is killed, and it is removed.
 *
 * @param mode default: 0o755, so that the server's account can reach it
 */
export function temporaryDir(mode = 0o755): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'nightledger-test-')))
  chmodSync(dir, mode)
  onTestFinished(() => cleanUp(dir))
  return dir
}

/** Kills what runs on the folder and removes it. */
export async function cleanUp(dir: string): Promise<void> {
  for (const { pid } of processesOf(dir)) signalProcess(pid, 'SIGKILL')
  await waitUntil(() => processesOf(dir).length === 0, 10_000)
  rmSync(dir, { recursive: true, force: true })
}

export interface RunningProcess {
  pid: number
  command: string
}

/** The processes that have the text in their command line, but for this one and its like. */
export function processesOf(text: string): RunningProcess[] {
  return processList().filter(({ pid, command }) => pid !== process.pid && command.includes(text))
}

/** Whether nothing runs on the folder any more, within 10 s. */
export function isQuiet(dir: string): Promise<boolean> {
  return waitUntil(() => processesOf(dir).length === 0, 10_000)
}

export function processList(): RunningProcess[] {
  if (!existsSync('/proc/self/cmdline')) {
    const { stdout } = spawnSync('ps', ['-axwwo', 'pid=,args='], { encoding: 'utf8' })
    return stdout.split('\n').map((line) => ({ pid: Number.parseInt(line, 10), command: line }))
  }
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return []
    try {
      return [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8') }]
    } catch {
      return [] // ended meanwhile
    }
  })
}

/** Starts a node program that ends with the test. */
export function startProgram(program: string, ...args: string[]): ChildProcess {
  const child = spawn(process.execPath, [program, ...args], { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

/** The first line of a program's output, as JSON. */
export async function firstLine(child: ChildProcess): Promise<Record<string, unknown>> {
  if (!child.stdout) throw new TypeError('its output is not piped')
  const [line] = await once(createInterface(child.stdout), 'line')
  return JSON.parse(String(line))
}

/** Runs one statement on a connection of its own. */
export async function query(url: unknown, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client({ connectionString: String(url) })
  // A test may take the server away under it.
  client.on('error', () => {})
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows
  } finally {
    await client.end()
  }
}
