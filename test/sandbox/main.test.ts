import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, onTestFinished, test } from 'vitest'
import { until, withSandbox } from './with-sandbox.ts'

function run(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, ['sandbox/main.ts', ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (data) => (output.stdout += String(data)))
  child.stderr.on('data', (data) => (output.stderr += String(data)))
  return { child, output, exited: exitOf(child) }
}

async function exitOf(child: ChildProcess) {
  const [code] = await once(child, 'close')
  return code
}

const small = ['--companies', '5', '--contacts', '20', '--port', '0']

test.each(['SIGTERM', 'SIGINT'] as const)(
  'its first line is for machines; %s ends it',
  async (signal) => {
    const { child, output, exited } = run([...small, '--token', 'own'])
    await until(async () => output.stdout.includes('What it was asked'))
    const { listening } = JSON.parse(output.stdout.split('\n')[0] ?? '')
    expect(listening).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
    const headers = { authorization: 'Bearer own' }
    const account = await fetch(`${listening}/amocrm/api/v4/account`, { headers })
    expect(account.status).toBe(200)
    child.kill(signal)
    expect(await exited).toBe(0)
    expect(output.stderr).toBe('')
  },
)

test('a port in use is one clear line and exit 1', async () => {
  const { sandbox } = await withSandbox({ contacts: 1 })
  const { output, exited } = run([...small, '--port', new URL(sandbox.url).port])
  expect(await exited).toBe(1)
  expect(output.stderr).toMatch(/^The sandbox could not start: .*EADDRINUSE.*\n$/)
})

test('--help lists the options, a wrong one is named, SANDBOX_PORT is checked', async () => {
  const help = run(['--help'])
  expect(await help.exited).toBe(0)
  expect(help.output.stdout).toContain('--latency-ms')
  const wrong = run(['--contacts', 'many'])
  expect(await wrong.exited).toBe(1)
  expect(wrong.output.stderr).toContain('--contacts')
  const port = run([], { SANDBOX_PORT: 'http' })
  expect(await port.exited).toBe(1)
  expect(port.output.stderr).toContain("SANDBOX_PORT must be a port number, not 'http'")
})
