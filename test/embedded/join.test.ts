import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { joinEmbedded } from '../../src/embedded/join.ts'
import { readAddress } from '../../src/embedded/keeper-protocol.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'
import {
  firstLine,
  isQuiet,
  pathOf,
  processList,
  query,
  sandboxProgram,
  startProgram,
  temporaryDir,
} from './embedded-helpers.ts'

const user = pathOf('user.ts')

test('the first command brings everything up, the data stay for the next one', async () => {
  const dir = join(temporaryDir(), 'made/by/us')
  const first = await joinEmbedded({ dir, sandboxProgram })
  expect(first).toMatchObject({ dir, started: true })
  expect(await (await fetch(String(first.sandboxUrl))).text()).toBe('sandbox')
  await query(first.databaseUrl, 'create table kept as select 7 as n')
  const [server] = await query(
    first.databaseUrl,
    `select current_database() as name, current_setting('fsync') as fsync,
       current_setting('server_encoding') as encoding, 'a' < 'B' as is_linguistic`,
  )
  expect(server).toEqual({
    name: 'nightledger',
    fsync: 'on',
    encoding: 'UTF8',
    is_linguistic: false,
  })
  await first.release()
  expect(await isQuiet(dir)).toBe(true)

  const second = await joinEmbedded({ dir, sandboxProgram })
  expect(second.started).toBe(true)
  expect(await query(second.databaseUrl, 'select n from kept')).toEqual([{ n: 7 }])
  await second.release()
  expect(await isQuiet(dir)).toBe(true)
})

test('another process joins what runs; it stays up until the last of both has ended', async () => {
  const dir = temporaryDir()
  const first = await joinEmbedded({ dir, sandbox: false })
  expect(first.sandboxUrl).toBeUndefined()
  const child = startProgram(user, JSON.stringify({ dir, sandboxProgram }))
  const joined = await firstLine(child)
  expect(joined).toMatchObject({ databaseUrl: first.databaseUrl, started: false })
  expect(joined['sandboxUrl']).toMatch(/^http:/)
  await first.release()
  expect(await query(joined['databaseUrl'], 'select 1 as n')).toEqual([{ n: 1 }])
  child.stdin?.end() // it holds its seat still, and ends all the same
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(await isQuiet(dir)).toBe(true)
})

test('four commands at the very same moment share one Postgres', async () => {
  const dir = temporaryDir()
  const options = JSON.stringify({ dir, sandboxProgram })
  const children = Array.from({ length: 4 }, () => startProgram(user, options))
  const got = await Promise.all(children.map(firstLine))
  expect(new Set(got.map((services) => services['databaseUrl'])).size).toBe(1)
  expect(new Set(got.map((services) => services['sandboxUrl'])).size).toBe(1)
  expect(got.filter((services) => services['started'])).toHaveLength(1)
  // The other keepers must not have got so far as to touch anything.
  expect(readFileSync(join(dir, 'keeper.log'), 'utf8').match(/keeper \d+ is up/g)).toHaveLength(1)
  for (const child of children) child.kill('SIGKILL')
  expect(await isQuiet(dir)).toBe(true)
})

test('a command that meets a keeper which is just stopping gets a new one', async () => {
  const dir = temporaryDir()
  for (let round = 0; round < 3; round += 1) {
    const services = await joinEmbedded({ dir, sandbox: false })
    expect(services.started).toBe(true)
    await query(services.databaseUrl, `create table round_${round} ()`)
    await services.release()
    expect(await waitUntil(() => readAddress(dir) === undefined, 5000, 1)).toBe(true)
  }
  expect(await isQuiet(dir)).toBe(true)
})

test('the password is only in its file', async () => {
  const dir = temporaryDir()
  const services = await joinEmbedded({ dir, sandboxProgram })
  const file = join(dir, 'postgres/password')
  const password = readFileSync(file, 'utf8')
  expect(password).toHaveLength(32)
  expect(statSync(file).mode & 0o777).toBe(0o600)
  await expect(query(services.databaseUrl, `select '${password}'::int`)).rejects.toThrow(password)
  const wrong = services.databaseUrl?.replace(password, 'wrong')
  await expect(query(wrong, 'select 1')).rejects.toThrow('password authentication failed')
  expect(processList().filter(({ command }) => command.includes(password))).toEqual([])
  await services.release()
  expect(await isQuiet(dir)).toBe(true)
  const logs = ['keeper.log', 'postgres.log', 'sandbox.log'].map((name) => join(dir, name))
  expect(logs.filter((log) => readFileSync(log, 'utf8').includes(password))).toEqual([])
})
