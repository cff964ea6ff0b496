import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../../..')

/** Half of a short command's time goes into reading its own code: the runs of these tests share that. */
const compiled = path.join(tmpdir(), 'nightledger-test-code')

/** Runs one of our programs to its end, also outside of a test: `runProgram` needs one to clean up after. */
export async function runToEnd(file: string, args: readonly string[], env: Record<string, string>) {
  const child = spawn(process.execPath, [file, ...args], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: process.env['HOME'] ?? '',
      NODE_COMPILE_CACHE: compiled,
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
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
  const [code] = await once(child, 'close')
  return { code: code as number | null, output, stdout }
}
