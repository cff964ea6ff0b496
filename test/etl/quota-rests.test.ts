import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { connect } from '../../src/db/connect.ts'
import { Fault, Parked } from '../../src/errors.ts'
import { openBreaker, unblock } from '../../src/etl/extract/breaker.ts'
import { log, never, openQuotas } from './support/quotas.ts'

const { database, db, open } = await openQuotas()

test('a 429 makes all rest and widens the margin, once for what was sent before it', async () => {
  const quota = open('refused', 5)
  const other = open('refused', 5, database.connect().db)
  const first = await quota.slot(never)
  const second = await quota.slot(never)
  first.use()
  second.use()
  expect(await first.refused(300)).toBe(24)
  expect(await second.refused(300)).toBe(24)
  const since = performance.now()
  const third = await other.slot(never)
  expect(performance.now() - since).toBeGreaterThan(290)
  third.use()
  expect(await third.refused(1)).toBe(48)
})

test('the margin is halved each ten minutes without a 429, and never wider than half a second', async () => {
  const quota = open('decays', 5)
  const slot = await quota.slot(never)
  slot.use()
  await slot.refused(1)
  const margin = async () => {
    const { rows } = await sql<{ ms: number }>`
      select (extract(epoch from ledger.quota_margin(q)) * 1000)::float8 as ms
      from ledger.quotas q where account = 'decays'`.execute(db)
    return rows[0]?.ms
  }
  await sql`update ledger.quotas set margin_ms = 400 where account = 'decays'`.execute(db)
  expect(await margin()).toBe(400)
  await sql`update ledger.quotas set widened_at = widened_at - interval '21 minutes' where account = 'decays'`.execute(
    db,
  )
  expect(await margin()).toBe(100)
  await sql`update ledger.quotas set widened_at = widened_at - interval '2 days' where account = 'decays'`.execute(
    db,
  )
  expect(await margin()).toBe(4)

  await sql`update ledger.quotas set margin_ms = 400, widened_at = clock_timestamp() where account = 'decays'`.execute(
    db,
  )
  const next = await quota.slot(never)
  next.use()
  expect(await next.refused(1)).toBe(500)
})

test('a pause of more than a minute parks whoever waits, in every process', async () => {
  const slot = await open('parked', 5).slot(never)
  slot.use()
  await slot.refused(3_600_000)
  const waiting = open('parked', 5, database.connect().db).slot(never)
  const parked = await waiting.catch((error: unknown) => error)
  if (!(parked instanceof Parked)) throw parked
  const inMs = parked.until.getTime() - Date.now()
  expect(inMs).toBeGreaterThan(3_590_000)
  expect(inMs).toBeLessThan(3_601_000)
})

test('when the account is shut out, nothing that was taken ahead is sent', async () => {
  const quota = open('shut-out', 1000)
  const slots = await Promise.all([1, 2, 3].map(() => quota.slot(never)))
  expect(slots[0]?.use()).toBe(true)
  slots[0]?.shut?.()
  expect(slots.map((slot) => slot.use())).toEqual([false, false, false])
  expect((await quota.slot(never)).use()).toBe(true)
})

test('a database clock that was set back stops nobody', async () => {
  const quota = open('set-back', 3)
  const slot = await quota.slot(never)
  slot.use()
  await slot.refused(30_000)
  await sql`update ledger.quotas set last_slot_at = last_slot_at + interval '1 hour', asked_at = asked_at + interval '1 hour',
    paused_at = paused_at + interval '1 hour', paused_until = paused_until + interval '1 hour' where account = 'set-back'`.execute(
    db,
  )
  await sql`update ledger.quota_lanes set sent_after = clock_timestamp() + interval '1 hour', sent_before = clock_timestamp() + interval '1 hour'
    where account = 'set-back'`.execute(db)
  const since = performance.now()
  await quota.slot(never)
  expect(performance.now() - since).toBeLessThan(3000)
})

test('an open breaker turns away whoever waits; unblocking lets them in and ends the pause', async () => {
  const quota = open('shut', 3)
  const slot = await quota.slot(never)
  slot.use()
  await slot.refused(120_000)
  await openBreaker(db, { service: 'amocrm', account: 'shut', reason: 'no more', openedBy: 'test' })
  const fault = await quota.slot(never).catch((error: unknown) => error)
  expect(fault).toMatchObject({
    kind: 'blocked',
    service: 'amocrm',
    message: 'amocrm is blocked: no more',
  })
  expect(fault).toHaveProperty('hint', expect.stringContaining('npm run ledger -- unblock amocrm'))
  expect(await unblock(db, 'amocrm')).toEqual(['shut'])
  expect((await quota.slot(never)).use()).toBe(true)
})

test('aborting ends the wait at once and leaves the place to the next', async () => {
  const quota = open('aborted', 1)
  const slot = await quota.slot(never)
  slot.use()
  const stop = new AbortController()
  const waiting = quota.slot(stop.signal)
  const behind = quota.slot(never)
  const since = performance.now()
  stop.abort(new Error('enough'))
  await expect(waiting).rejects.toThrow('enough')
  // Sooner than its slot would have come.
  expect(performance.now() - since).toBeLessThan(800)
  await expect(quota.slot(stop.signal)).rejects.toThrow('enough')
  expect((await behind).use()).toBe(true)
})

test('without a database: a fault that says so, and no slot', async () => {
  const away = connect('postgres://postgres@127.0.0.1:1/none', { log })
  const quota = open('away', 1, away.db)
  const fault = await quota.slot(never).catch((error: unknown) => error)
  expect(fault).toBeInstanceOf(Fault)
  expect(fault).toMatchObject({ kind: 'database', retriable: true })
  await away.close()
})
