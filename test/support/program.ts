import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { onTestFinished } from 'vitest'

export interface Program {
  child: ChildProcess
  /** Standard output and error so far. */
  output(): string
  stdout(): string
  /** Its exit code (null after a signal), once it has ended. */
  exited: Promise<number | null>
}

const root = path.resolve(import.meta.dirname, '../..')

/** Starts one of our programs, such as `src/cli/job.ts`, with just this environment; killed when the test has finished. */
export function startProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
): Program {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: root,
    env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let stdout = ''
  child.stdout.on('data', (chunk) => {
    output += String(chunk)
    stdout += String(chunk)
  })
  child.stderr.on('data', (chunk) => {
    output += String(chunk)
  })
  const exited = once(child, 'close').then(([code]) => code as number | null)
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, output: () => output, stdout: () => stdout, exited }
}

/** Runs one of our programs to its end. */
export async function runProgram(
  file: string,
  args: readonly string[],
  env: Record<string, string>,
) {
  const program = startProgram(file, args, env)
  return { code: await program.exited, output: program.output(), stdout: program.stdout() }
}
