import { once } from 'node:events'
import { statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Fault } from '../../src/errors.ts'
import { joinEmbedded } from '../../src/embedded/join.ts'
import { readAddress } from '../../src/embedded/keeper-protocol.ts'
import { findPostgresBinaries } from '../../src/embedded/postgres-binaries.ts'
import { clusterAccount, ensureCluster } from '../../src/embedded/postgres-cluster.ts'
import { startPostgres } from '../../src/embedded/postgres-server.ts'
import { waitUntil } from '../../src/embedded/wait-until.ts'
import { isQuiet, pathOf, sandboxProgram, temporaryDir } from './embedded-helpers.ts'

test('a LOCAL_DIR that is a file is one clear error', async () => {
  const file = join(temporaryDir(), 'file')
  writeFileSync(file, '')
  const error = await failure(joinEmbedded({ dir: file, sandboxProgram }))
  expect(error.message).toContain(`LOCAL_DIR ${file} cannot be used`)
  expect(error.hint).toContain('DATABASE_URL')
})

test('damaged data say so with the last words of the log', async () => {
  const dir = temporaryDir()
  const account = clusterAccount(join(dir, 'postgres'))
  const binaries = findPostgresBinaries(account)
  const log = join(dir, 'postgres.log')
  await ensureCluster(join(dir, 'postgres'), { binaries, account, log })
  writeFileSync(join(dir, 'postgres/data/PG_VERSION'), '9.6\n')
  const error = await failure(joinEmbedded({ dir, sandboxProgram }))
  expect(error.message).toMatch(/Postgres did not start: postgres\.log ends with:.*incompatible/s)
  expect(error.hint).toContain('DATABASE_URL')
  expect(await isQuiet(dir)).toBe(true)
})

test('a sandbox that fails says so with the last words of its log', async () => {
  const dir = temporaryDir()
  const failing = pathOf('failing-sandbox.ts')
  const error = await failure(joinEmbedded({ dir, sandboxProgram: failing }))
  expect(error).toMatchObject({ service: 'sandbox' })
  expect(error.message).toMatch(/did not start: it ended with code 3.*no such fixture/s)
  expect(await isQuiet(dir)).toBe(true)
})

test('a port that is taken and stays taken is one clear error', async () => {
  const dir = temporaryDir()
  const account = clusterAccount(join(dir, 'postgres'))
  const binaries = findPostgresBinaries(account)
  const log = join(dir, 'postgres.log')
  await ensureCluster(join(dir, 'postgres'), { binaries, account, log })
  const taker = createServer().listen(0, '127.0.0.1')
  await once(taker, 'listening')
  const address = taker.address()
  const port = address !== null && typeof address === 'object' ? address.port : 0
  const dataDir = join(dir, 'postgres/data')
  const error = await failure(startPostgres({ binaries, account, log, dataDir, port }))
  expect(error.message).toContain('Address already in use')
  taker.close()
  expect(statSync(dataDir).isDirectory()).toBe(true)
})

test('whoever gives up waiting gets the reason of their signal', async () => {
  const dir = temporaryDir()
  const enough = new Error('enough')
  const signal = AbortSignal.abort(enough)
  await expect(joinEmbedded({ dir, sandboxProgram, signal })).rejects.toBe(enough)
  const controller = new AbortController()
  const joining = joinEmbedded({ dir, sandboxProgram, signal: controller.signal })
  await waitUntil(() => readAddress(dir) !== undefined, 10_000)
  controller.abort(enough)
  await expect(joining).rejects.toBe(enough)
  expect(await isQuiet(dir)).toBe(true)
})

async function failure(promise: Promise<unknown>): Promise<Fault> {
  const error: unknown = await promise.then(
    () => new Error('it worked'),
    (reason: unknown) => reason,
  )
  if (error instanceof Fault) return error
  throw error
}
