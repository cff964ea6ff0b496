import { assert, double, integer, property, record, array } from 'fast-check'
import { expect, test } from 'vitest'
import { createDatabaseClock } from '../../src/etl/extract/database-clock.ts'

test('the bounds hold, whatever the round trips and however the clocks drift, and are as narrow as the best of late', () => {
  const trip = record({
    afterMs: integer({ min: 1, max: 5000 }),
    tookMs: double({ min: 0.1, max: 100, noNaN: true }),
    /** Where in the round trip the database read its clock. */
    share: double({ min: 0, max: 1, noNaN: true }),
  })
  assert(
    property(
      array(trip, { minLength: 1, maxLength: 50 }),
      double({ min: -0.0004, max: 0.0004, noNaN: true }),
      (trips, drift) => {
        const clock = createDatabaseClock()
        const theirs = (ours: number) => 1_000_000 + ours * (1 + drift)
        // What they part during one round trip.
        const slack = 0.05
        let now = 0
        for (const { afterMs, tookMs, share } of trips) {
          const asked = now + afterMs
          now = asked + tookMs
          clock.showed(theirs(asked + share * tookMs), asked, now)
          const { earliest, latest } = clock.boundsOf(theirs(now))
          expect(earliest).toBeLessThanOrEqual(now + slack)
          expect(latest).toBeGreaterThanOrEqual(now - slack)
          expect(latest - earliest).toBeLessThanOrEqual(tookMs + slack)
        }
      },
    ),
  )
})

test('a slow round trip adds nothing to what a quick one told a moment ago', () => {
  const clock = createDatabaseClock()
  clock.showed(1000, 0, 1)
  clock.showed(1140, 100, 180)
  const { earliest, latest } = clock.boundsOf(1140)
  expect(earliest).toBeCloseTo(140 - 0.0895, 5)
  expect(latest).toBeCloseTo(141 + 0.0895, 5)
})

test('a clock that was set: what was known before counts no more', () => {
  const clock = createDatabaseClock()
  clock.showed(1000, 0, 1)
  clock.showed(9000, 100, 103)
  expect(clock.boundsOf(9000)).toEqual({ earliest: 100, latest: 103 })
  clock.showed(2000, 200, 204)
  expect(clock.boundsOf(2000)).toEqual({ earliest: 200, latest: 204 })
})
