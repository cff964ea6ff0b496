import { existsSync } from 'node:fs'
import { expect, test } from 'vitest'
import { startPrivatePostgres } from '../../src/embedded/private-server.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'
import { cleanUp, firstLine, isQuiet, pathOf, query, startProgram } from './embedded-helpers.ts'

test('a private Postgres keeps port and data over restarts, and leaves nothing behind', async () => {
  const server = await startPrivatePostgres({ fsync: false, settings: { work_mem: '7MB' } })
  const setting =
    "select current_setting('work_mem') as work_mem, current_setting('fsync') as fsync"
  expect(await query(server.url, setting)).toEqual([{ work_mem: '7MB', fsync: 'off' }])
  await query(server.url, 'create table kept as select 7 as n')
  await server.restart()
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  await server.restart('immediate')
  expect(await query(server.url, 'select n from kept')).toEqual([{ n: 7 }])
  await server.stop()
  expect(await isQuiet(server.dir)).toBe(true)
  expect(existsSync(server.dir)).toBe(false)
})

test('a private Postgres ends with its process, and its folder goes', async () => {
  const owner = startProgram(pathOf('private-user.ts'))
  const { url, dir } = await firstLine(owner)
  try {
    expect(await query(url, 'select 1 as n')).toEqual([{ n: 1 }])
    owner.kill('SIGKILL')
    expect(await isQuiet(String(dir))).toBe(true)
    expect(await waitUntil(() => !existsSync(String(dir)), 5000)).toBe(true)
  } finally {
    await cleanUp(String(dir))
  }
})
