import { commits } from './support/commits.ts'
import { type Arbitrary, constantFrom, integer, record, sample } from 'fast-check'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import type { Quota } from '../../src/etl/extract/quota.ts'
import { until } from '../support/until.ts'
import { never, openQuotas } from './support/quotas.ts'
import { mostInOneSecond } from './support/windows.ts'

const { db, open } = await openQuotas()

function stall(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

/** Uses slots as they come until `ended`, each `lateMs()` after it was handed over. */
async function useSlots(
  quota: Quota,
  ended: AbortSignal,
  used: (at: number) => void,
  lateMs = () => 0,
  givesBack = () => false,
) {
  while (!ended.aborted) {
    const slot = await quota.slot(ended).catch((error: unknown) => {
      if (!ended.aborted) throw error
    })
    const late = lateMs()
    if (late > 0) await new Promise((resolve) => setTimeout(resolve, late))
    if (givesBack()) slot?.giveBack()
    if (!slot?.use()) continue
    // The machine may make a process wait at any moment, also before what it has leave for has left.
    if (Math.random() < 0.02) stall(50)
    used(performance.now())
  }
}

/** Accounts as drawn from `perSecond`, each used for five seconds in every way: none of them beyond its limit. */
async function useAccounts(perSecond: Arbitrary<number>, most: { waiters: number; cases: number }) {
  const arbitrary = record({
    perSecond,
    processes: integer({ min: 1, max: 3 }),
    waiters: integer({ min: 1, max: most.waiters }),
    /** Longer than a slot may be used, now and then. */
    latest: constantFrom(0, 20, 150, 400),
    abandoned: constantFrom(0, 0.1),
    given: constantFrom(0, 0.3),
  })
  const seed = Date.now()
  const cases = sample(arbitrary, { numRuns: most.cases, seed })
  const ended = AbortSignal.timeout(5000)
  return await Promise.all(
    cases.map(async (drawn, index) => {
      const { processes, waiters, latest, abandoned, given } = drawn
      const sent: number[] = []
      const run = async () => {
        const quota = open(`property-${seed}-${index}`, drawn.perSecond)
        await Promise.all(
          Array.from({ length: waiters }, () =>
            useSlots(
              quota,
              ended,
              (at) => sent.push(at),
              // An abandoned one is never used nor given back, as by a process that died.
              () => (Math.random() < abandoned ? 1e6 : Math.random() * latest),
              () => Math.random() < given,
            ),
          ),
        )
      }
      await Promise.race([
        Promise.all(Array.from({ length: processes }, run)),
        new Promise((resolve) => setTimeout(resolve, 5500)),
      ])
      const mostSent = mostInOneSecond(sent)
      // The whole case, so that a failure says what was drawn.
      expect({ seed, ...drawn, mostSent, kept: mostSent <= drawn.perSecond }).toMatchObject({
        kept: true,
      })
      return mostSent / drawn.perSecond
    }),
  )
}

test('any lateness, abandoned slots and several processes: never more than N in a second', async () => {
  const used = await useAccounts(integer({ min: 1, max: 40 }), { waiters: 10, cases: 12 })
  // Where the only waiter abandons its first slot, nothing is sent.
  expect(used.filter((share) => share > 0).length).toBeGreaterThan(8)
}, 20_000)

test('the same where a lane carries several sends', async () => {
  const used = await useAccounts(integer({ min: 201, max: 1500 }), { waiters: 200, cases: 4 })
  expect(used.filter((share) => share > 0).length).toBeGreaterThan(2)
}, 20_000)

test('a cold start does not send a second’s worth at once', async () => {
  const quota = open('cold', 7)
  const used: number[] = []
  await Promise.all(
    Array.from({ length: 7 }, async () => {
      const slot = await quota.slot(never)
      if (slot.use()) used.push(performance.now())
    }),
  )
  expect(used).toHaveLength(7)
  // Six times 0.97 / 7 s, less what the first one was late; single gaps say more of the machine than of the quota.
  expect((used.at(-1) ?? 0) - (used[0] ?? 0)).toBeGreaterThan(600)
})

test('a slot that could not be used in its time is thrown away, and its lane is free for the next', async () => {
  const quota = open('late', 1)
  const slot = await quota.slot(never)
  stall(260)
  expect(slot.use()).toBe(false)
  expect(slot.use()).toBe(false)
  const since = performance.now()
  const next = await quota.slot(never)
  expect(next.use()).toBe(true)
  expect(performance.now() - since).toBeLessThan(1000)
})

test('a process that died with a slot holds its lane for no more than the time to use it', async () => {
  const died = open('died', 1)
  await died.slot(never)
  const since = performance.now()
  const next = await open('died', 1).slot(never)
  const waited = performance.now() - since
  expect(next.use()).toBe(true)
  // As if it had been used at the last moment: 250 ms, then a second of rest and the margin.
  expect(waited).toBeGreaterThan(1150)
  expect(waited).toBeLessThan(2500)
})

test('a smaller limit is taken over at once, a greater one when nobody asks for less', async () => {
  const sent: number[] = []
  const ended = new AbortController()
  const use = (perSecond: number, signal: AbortSignal) =>
    useSlots(open('changed', perSecond), signal, (at) => sent.push(at))
  const perSecond = async () => {
    const { rows } = await sql<{ n: number; lanes: number }>`
      select per_second as n, (select count(*)::int from ledger.quota_lanes l where l.account = q.account) as lanes
      from ledger.quotas q where account = 'changed'`.execute(db)
    return rows[0]
  }
  const many = use(20, ended.signal)
  await until('sends at the first limit', () => sent.length >= 15)
  const changedAt = performance.now()
  const few = use(4, ended.signal)
  await until(
    'sends at the second limit',
    () => sent.filter((at) => at > changedAt + 100).length >= 6,
  )
  expect(await perSecond()).toEqual({ n: 4, lanes: 4 })
  ended.abort()
  await Promise.all([many, few])
  // What was granted in the 100 ms before the change may still leave; nothing for a second after that.
  const after = sent.filter((at) => at > changedAt + 360)
  expect(mostInOneSecond(after)).toBeLessThanOrEqual(4)
  expect((after[0] ?? 0) - Math.max(...sent.filter((at) => at <= changedAt + 360))).toBeGreaterThan(
    1000,
  )

  const again = new AbortController()
  sent.length = 0
  const more = use(6, again.signal)
  await until('sends at the smaller limit', () => sent.length >= 2)
  expect(await perSecond()).toEqual({ n: 4, lanes: 4 })
  await sql`update ledger.quotas set asked_at = clock_timestamp() - interval '11 seconds' where account = 'changed'`.execute(
    db,
  )
  await until('the greater limit', async () => (await perSecond())?.n === 6)
  expect(await perSecond()).toEqual({ n: 6, lanes: 6 })
  again.abort()
  await more
}, 20_000)

test.for([
  { perSecond: 2000, waiters: 300, seconds: 3 },
  { perSecond: 100_000, waiters: 4, seconds: 1 },
])('thousands a second cost few queries: $perSecond', async (drawn) => {
  const { perSecond, waiters, seconds } = drawn
  const sent: number[] = []
  const quota = open(`many-${perSecond}`, perSecond)
  const before = await commits(db)
  const ended = AbortSignal.timeout(seconds * 1000)
  await Promise.all(
    Array.from({ length: waiters }, () => useSlots(quota, ended, (at) => sent.push(at))),
  )
  const queries = (await commits(db)) - before
  console.log(`quota of ${perSecond}: ${sent.length} used in ${seconds} s, ${queries} queries`)
  expect(mostInOneSecond(sent)).toBeLessThanOrEqual(perSecond)
  expect(queries).toBeLessThan(sent.length / 8)
})

test('lanes are as many as the limit, or about 200 that carry as much', async () => {
  const { rows } = await sql<{ n: number; sends: number; lanes: number }>`
    select n, ledger.sends_a_lane(n) as sends, n / ledger.sends_a_lane(n) as lanes
    from unnest(array[1, 200, 399, 400, 1999, 1000000]) n`.execute(db)
  expect(rows.map(({ n, sends, lanes }) => [n, sends, lanes])).toEqual([
    [1, 1, 1],
    [200, 1, 200],
    [399, 1, 399],
    [400, 2, 200],
    [1999, 9, 222],
    [1_000_000, 5000, 200],
  ])
})
