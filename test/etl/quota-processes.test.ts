import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSharedDatabase, type SharedDatabase } from './support/database.ts'
import { until } from '../support/until.ts'
import { json, startUpstream, type UpstreamServer } from './support/upstream-server.ts'
import { mostInOneSecond, utilisation } from './support/windows.ts'

const hammer = path.join(import.meta.dirname, 'support/hammer.ts')
let database: SharedDatabase
let server: UpstreamServer
const children: ChildProcess[] = []

beforeAll(async () => {
  database = await createSharedDatabase()
  server = await startUpstream((request, response) =>
    setTimeout(() => json({})(request, response), 50),
  )
})
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL')
  await server.stop()
  await database.stop()
})

function startHammer(sent: number[]): ChildProcess {
  const env = {
    ...process.env,
    DATABASE: database.url,
    BASE_URL: server.url,
    STALL_MS: '20',
    WAITERS: '3',
  }
  const child = spawn(process.execPath, [hammer], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  let rest = ''
  child.stdout?.on('data', (chunk) => {
    const lines = `${rest}${chunk}`.split('\n')
    rest = lines.pop() ?? ''
    sent.push(...lines.map(Number))
  })
  return child
}

test('three processes, one killed, with stalls: seven in any second, and nearly all of them', async () => {
  const sent: number[] = []
  const processes = [startHammer(sent), startHammer(sent), startHammer(sent)]
  await until('the first sends', () => sent.length >= 25, 20_000)
  processes[0]?.kill('SIGKILL')
  await until('the sends of those that are left', () => sent.length >= 85, 20_000)
  const ended = processes.slice(1).map((child) => once(child, 'exit'))
  for (const child of processes.slice(1)) child.kill('SIGTERM')
  await Promise.all(ended)

  const figures = {
    sends: sent.length,
    used: utilisation(sent, 7).toFixed(4),
    mostSent: mostInOneSecond(sent),
    mostArrived: mostInOneSecond(server.arrivedAt),
  }
  console.log('7 a second, three processes, one killed:', JSON.stringify(figures))
  expect(figures.mostSent).toBeLessThanOrEqual(7)
  // Arrivals are stamped by a process that the machine makes wait, too.
  expect(figures.mostArrived).toBeLessThanOrEqual(8)
  expect(Number(figures.used)).toBeGreaterThan(0.9)
  expect(server.asked.length).toBe(sent.length)
}, 60_000)
