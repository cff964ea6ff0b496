import { setTimeout } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { client, created, payload, problemIn, token } from '../support/door.ts'
import { createDatabase } from '../support/database.ts'
import { runProgram, startProgram } from '../support/program.ts'
import { startS3 } from '../support/s3.ts'
import { until } from '../support/until.ts'

async function startDoor(more: Record<string, string> = {}) {
  const database = await createDatabase()
  const s3 = await startS3()
  const env = { DATABASE_URL: database.url, ...s3.env, API_TOKEN: token, HTTP_PORT: '0', ...more }
  const start = async (only = 'http') => {
    const program = startProgram('src/main.ts', ['--only', only], env)
    const url = await until('it is ready', () => {
      return /"http":"(http:[^"]+)"/.exec(program.output())?.[1]
    })
    return { program, ...client(url) }
  }
  return { database, s3, env, start }
}

test('SIGTERM: what is at hand is answered, what comes then is not taken, exit 0', async () => {
  const { s3, start, database } = await startDoor()
  const { program, post, url } = await start()
  await created(await post(payload))
  s3.fault({ slowMs: 1500 })
  const atHand = Array.from({ length: 5 }, () => post(payload))
  await until('they are under way', () => s3.open() === 5)
  program.child.kill('SIGTERM')
  const asked = performance.now()
  await setTimeout(300)
  await expect(fetch(`${url}/healthz`)).rejects.toThrow('fetch failed')
  const answers = await Promise.all((await Promise.all(atHand)).map(created))
  expect(await program.exited).toBe(0)
  // Far sooner than connections that are kept open would be dropped.
  expect(performance.now() - asked).toBeLessThan(10_000)
  for (const { key } of answers) expect(await s3.keys()).toContain(key)
  const calls = await database.db.selectFrom('ledger.job_calls').select('status').execute()
  expect(calls).toEqual(Array.from({ length: 6 }, () => ({ status: 'succeeded' })))
  expect(program.output()).not.toContain(token)
})

test('kill -9 in mid-write: a worker ends the call, the same key tells its answer, one object', async () => {
  const { s3, start, database } = await startDoor({ LEASE_SECONDS: '2' })
  const first = await start()
  await created(await first.post(payload))
  s3.fault('hang')
  const lost = first.post(payload, { 'idempotency-key': 'one' }).catch(() => 'lost')
  await until('the write is under way', () => s3.open() === 1)
  first.program.child.kill('SIGKILL')
  expect(await lost).toBe('lost')
  s3.fault(undefined)
  const second = await start('http,worker')
  const answer = await until('it is answered', async () => {
    const response = await second.post(payload, { 'idempotency-key': 'one' })
    if (response.status === 201) return await created(response)
    expect((await problemIn(response)).status).toBe(409)
    return undefined
  })
  const calls = await database.db.selectFrom('ledger.job_calls').selectAll().orderBy('id').execute()
  expect(calls.map(({ status, attempt }) => [status, attempt])).toEqual([
    ['succeeded', 1],
    ['succeeded', 2],
  ])
  expect(calls[1]?.id).toBe(answer.id)
  expect((await s3.keys()).length).toBe(2)
})

test('npm run job -- demo-import: the same job by hand', async () => {
  const { s3, env, database } = await startDoor()
  const params = JSON.stringify({ ...payload, note: 'by hand' })
  const good = await runProgram('src/cli/job.ts', ['demo-import', '--params', params], env)
  expect([good.code, good.output]).toEqual([0, expect.stringContaining('succeeded')])
  const [call] = await database.db.selectFrom('ledger.job_calls').selectAll().execute()
  const { key } = z.object({ key: z.string() }).parse(call?.result)
  expect(await s3.keys()).toEqual([key])
  expect(JSON.parse(String(await s3.read(key)))).toEqual(JSON.parse(params))

  const wrong = await runProgram('src/cli/job.ts', ['demo-import', '--params', '{}'], env)
  expect([wrong.code, wrong.output]).toEqual([2, expect.stringContaining('product')])
  s3.fault('gone')
  const again = JSON.stringify({ ...payload, note: 'again' })
  const failed = await runProgram('src/cli/job.ts', ['demo-import', '--params', again], env)
  expect(failed.code).toBe(1)
  s3.fault(undefined)
  const retried = await runProgram('src/cli/job.ts', ['demo-import', '--params', again], env)
  expect([retried.code, retried.output]).toEqual([0, expect.stringContaining('taking up job call')])
  expect((await s3.keys()).length).toBe(2)
})
