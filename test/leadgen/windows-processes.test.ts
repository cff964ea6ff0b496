import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { withApollo } from '../sandbox/with-apollo.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'

const hammer = path.join(import.meta.dirname, 'support/window-hammer.ts')

function startHammers(count: number, env: Record<string, string>) {
  const children: ChildProcess[] = Array.from({ length: count }, () =>
    spawn(process.execPath, [hammer], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  )
  const end = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const running = children.filter((child) => child.exitCode === null && !child.signalCode)
    const exits = running.map((child) => once(child, 'exit'))
    for (const child of running) child.kill(signal)
    await Promise.all(exits)
  }
  onTestFinished(() => end('SIGKILL'))
  return { children, end: () => end('SIGTERM') }
}

/** Of the answers, how many came with each status; and the sizes of the upstream's windows, told from quiet times. */
async function answers(apollo: Awaited<ReturnType<typeof withApollo>>) {
  const statuses = (await apollo.log()).map(({ status }) => status)
  const ok = statuses.filter((status) => status === 200).length
  return { ok, refused: statuses.filter((status) => status === 429).length }
}

test('three processes, one killed, share a window: not one 429, and every window used to its end', async () => {
  const database = await createDatabase()
  const [size, windowMs] = [40, 3000]
  const apollo = await withApollo({ searchPerMinute: size, minuteMs: windowMs, latencyMs: 30 })
  const env = { DATABASE: database.url, BASE_URL: apollo.base, WINDOW_MS: String(windowMs) }
  const { children, end } = startHammers(3, { ...env, MAX: String(size) })
  await until('some sends', async () => (await answers(apollo)).ok > 10)
  children[0]?.kill('SIGKILL')
  // A window lasts two seconds longer here than there.
  await until('three windows', async () => (await answers(apollo)).ok >= 3 * size - 6, 25_000)
  await end()

  const counted = await answers(apollo)
  console.log('three processes, windows of 40:', JSON.stringify(counted))
  expect(counted.refused).toBe(0)
})

// Nobody here waits for the end of a window this long.
const longMs = 60_000

test('the limit is read from the headers where no setting says it; what others used of it is left to them', async () => {
  const database = await createDatabase()
  const apollo = await withApollo({ searchPerMinute: 60, minuteMs: longMs, latencyMs: 20 })
  for (let n = 0; n < 25; n++) await apollo.search({ per_page: 1 })
  const env = { DATABASE: database.url, BASE_URL: apollo.base, WINDOW_MS: String(longMs) }
  const { end } = startHammers(2, env)
  await until('the window is full', async () => (await answers(apollo)).ok >= 60)
  await setTimeout(1500)
  await end()

  const { ok, refused } = await answers(apollo)
  console.log('windows of 60, 25 of them by others:', JSON.stringify({ ok, refused }))
  expect(ok).toBe(60)
  // Before the first answer told of the limit three were under way, and 35 had room. From then on what was said and
  // what is under way are added up: that is never less than what the upstream has counted.
  expect(refused).toBe(0)
})

test('of a window that others have used up, three requests are refused at most', async () => {
  const database = await createDatabase()
  const apollo = await withApollo({ searchPerMinute: 20, minuteMs: longMs, latencyMs: 20 })
  for (let n = 0; n < 20; n++) await apollo.search({ per_page: 1 })
  const env = { DATABASE: database.url, BASE_URL: apollo.base, WINDOW_MS: String(longMs) }
  const { end } = startHammers(2, env)
  await until('somebody is refused', async () => (await answers(apollo)).refused > 0)
  await setTimeout(1500)
  await end()

  const { ok, refused } = await answers(apollo)
  console.log('a window used up by others:', JSON.stringify({ ok, refused }))
  expect(ok).toBe(20)
  // So many go out before the first answer of a window (first_sends), of the twelve that wait here.
  expect(refused).toBeLessThanOrEqual(3)
})
