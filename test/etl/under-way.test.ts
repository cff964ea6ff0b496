import { setImmediate } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Skipped } from '../../src/errors.ts'
import { runStreams } from '../../src/etl/run-streams.ts'
import { openUnderWay, type Pace } from '../../src/etl/under-way.ts'
import { createDatabase } from '../support/database.ts'
import { until } from '../support/until.ts'
import { heldCall, numbered, seedsOf } from './support/streams.ts'

/** As long as it takes for another one to be asked for, if any is. */
async function anotherMayCome(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await setImmediate()
}

const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']

test('streams side by side have no more pages under way than they may, and each of them ends', async () => {
  const deps = await heldCall(await createDatabase())
  let [now, most] = [0, 0]
  const asUsual = numbered(3)
  const counting = numbered(3, {
    async extract(cursor, tools) {
      most = Math.max(most, ++now)
      await anotherMayCome()
      now--
      // Neither of these ever comes; their places are for others.
      if (tools.subject === 'a') throw new Skipped('nothing there')
      if (tools.subject === 'b') throw new Error('not my day')
      return await asUsual.extract(cursor, tools)
    },
  })
  const underWay = openUnderWay(() => ({ latencyMs: 0, intervalMs: 1000 }))
  const run = runStreams(deps, counting, seedsOf(...names), { parallel: 8, underWay })
  await expect(run).rejects.toMatchObject({ kind: 'streams' })
  const rows = await deps.db.selectFrom('ledger.service_calls').selectAll().execute()
  expect(Object.fromEntries(rows.map((row) => [row.subject, row.status]))).toEqual({
    ...Object.fromEntries(names.map((name) => [name, 'done'])),
    a: 'skipped',
    b: 'failed',
  })
  expect(most).toBe(2)
})

test('there is room for as many pages as the quota lets come while one is on its way', async () => {
  const pace: Pace = { latencyMs: 180, intervalMs: 1000 / 7 }
  const underWay = openUnderWay(() => pace)
  const asked = async (wanted: number) => {
    let count = 0
    const kept = Promise.withResolvers<void>()
    const pages = Array.from({ length: 20 }, () =>
      underWay.ask(
        async () => void count++,
        () => kept.promise,
      ),
    )
    await until(`${wanted} are asked for`, () => count >= wanted)
    await anotherMayCome()
    const atOnce = count
    kept.resolve()
    await Promise.all(pages)
    expect(atOnce).toBe(wanted)
  }
  const ask = () =>
    underWay.ask(
      async () => {},
      async () => {},
    )
  await asked(2)
  pace.latencyMs = 600
  // A few slow ones are no reason for more.
  for (let page = 0; page < 7; page++) await ask()
  pace.latencyMs = 180
  await ask()
  await asked(2)
  pace.latencyMs = 600
  for (let page = 0; page < 8; page++) await ask()
  await asked(5)
})
