import { once } from 'node:events'
import { expect, test } from 'vitest'
import { joinEmbedded } from '../../src/embedded/join.ts'
import { readAddress } from '../../src/embedded/keeper-protocol.ts'
import { readPostmaster, signalProcess } from '../../src/embedded/postmaster.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'
import {
  firstLine,
  isQuiet,
  pathOf,
  processesOf,
  query,
  sandboxProgram,
  startProgram,
  temporaryDir,
} from './embedded-helpers.ts'

const user = pathOf('user.ts')

test('kill -9 of the only user stops everything', async () => {
  const dir = temporaryDir()
  const child = startProgram(user, JSON.stringify({ dir, sandboxProgram }))
  await firstLine(child)
  child.kill('SIGKILL')
  expect(await isQuiet(dir)).toBe(true)
})

test('kill -9 of the keeper takes the services with it; the data are there for the next', async () => {
  const dir = temporaryDir()
  const child = startProgram(user, JSON.stringify({ dir, sandboxProgram }))
  const { databaseUrl } = await firstLine(child)
  await query(databaseUrl, 'create table kept as select generate_series(1, 1000) as n')
  killKeeper(dir)
  const next = await joinEmbedded({ dir, sandboxProgram })
  expect(next.started).toBe(true)
  expect(await query(next.databaseUrl, 'select count(*)::int from kept')).toEqual([{ count: 1000 }])
  await next.release()
  child.stdin?.end() // whose seat is gone: it must not have minded
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await isQuiet(dir)).toBe(true)
})

test('kill -9 of the keeper alone ends Postgres and the sandbox', async () => {
  const dir = temporaryDir()
  await joinEmbedded({ dir, sandboxProgram })
  killKeeper(dir)
  expect(await isQuiet(dir)).toBe(true)
})

test('a Postgres that lost its keeper and its tether is ended by the next keeper', async () => {
  const dir = temporaryDir()
  const first = await joinEmbedded({ dir, sandbox: false })
  await query(first.databaseUrl, 'create table kept as select 7 as n')
  const orphan = readPostmaster(`${dir}/postgres/data`)
  for (const { pid, command } of processesOf(dir)) {
    if (command.startsWith('/bin/sh')) signalProcess(pid, 'SIGSTOP')
  }
  killKeeper(dir)
  for (const { pid, command } of processesOf(dir)) {
    if (command.startsWith('/bin/sh')) signalProcess(pid, 'SIGKILL')
  }
  expect(await waitUntil(() => processesOf(dir).length === 1, 5000)).toBe(true)
  expect(processesOf(dir)[0]?.pid).toBe(orphan?.pid)
  const next = await joinEmbedded({ dir, sandbox: false })
  expect(processesOf(dir).map(({ pid }) => pid)).not.toContain(orphan?.pid)
  expect(await query(next.databaseUrl, 'select n from kept')).toEqual([{ n: 7 }])
  await next.release()
  expect(await isQuiet(dir)).toBe(true)
})

test('a Postgres that is killed under its users comes back at its address', async () => {
  const dir = temporaryDir()
  const services = await joinEmbedded({ dir, sandbox: false })
  await query(services.databaseUrl, 'create table kept as select 7 as n')
  // Only one that stood for a while is worth a restart.
  const [{ at } = {}] = await query(services.databaseUrl, 'select pg_postmaster_start_time() as at')
  await waitUntil(() => Date.now() - Number(at) > 6000, 10_000)
  signalProcess(readPostmaster(`${dir}/postgres/data`)?.pid ?? 0, 'SIGKILL')
  let rows: unknown
  await waitUntil(async () => {
    rows = await query(services.databaseUrl, 'select n from kept').catch(() => undefined)
    return rows !== undefined
  }, 20_000)
  expect(rows).toEqual([{ n: 7 }])
  await services.release()
  expect(await isQuiet(dir)).toBe(true)
})

function killKeeper(dir: string): void {
  signalProcess(readAddress(dir)?.pid ?? 0, 'SIGKILL')
}
