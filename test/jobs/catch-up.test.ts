import * as fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { dueTicks } from '../../src/jobs/due-ticks.ts'
import { allTicks, expressions, nearChange } from './support/clock-changes.ts'

// The walks take seconds together, more on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

/** Two o'clock on days of May 2026. */
function days(...dates: number[]): Date[] {
  return dates.map((date) => new Date(Date.UTC(2026, 4, date, 2)))
}

describe('catching up', () => {
  const daily = { expression: '0 2 * * *', timezone: 'UTC' }
  const gap = { after: new Date('2026-05-01T02:00Z'), until: new Date('2026-05-06T02:00:30Z') }

  test('last, the default: the newest', () => {
    expect(dueTicks(daily, gap)).toEqual({ queue: days(6), skipped: 4 })
  })

  test('all: the newest up to the cap, oldest first', () => {
    expect(dueTicks(daily, gap, { policy: 'all', cap: 3 })).toEqual({
      queue: days(4, 5, 6),
      skipped: 2,
    })
    expect(dueTicks(daily, gap, { policy: 'all' })).toEqual({
      queue: days(2, 3, 4, 5, 6),
      skipped: 0,
    })
  })

  test('none: only what is due now', () => {
    expect(dueTicks(daily, gap, { policy: 'none' })).toEqual({ queue: days(6), skipped: 4 })
    expect(dueTicks(daily, gap, { policy: 'none', graceMs: 29_000 })).toEqual({
      queue: [],
      skipped: 5,
    })
    expect(dueTicks(daily, gap, { policy: 'none', graceMs: 30_000 }).queue).toEqual(days(6))
    const late = { after: gap.after, until: new Date('2026-05-06T02:01:01Z') }
    expect(dueTicks(daily, late, { policy: 'none' })).toEqual({ queue: [], skipped: 5 })
  })

  test('(after, until]: the first end is out, the second in', () => {
    const exact = { after: new Date('2026-05-01T02:00Z'), until: new Date('2026-05-02T02:00Z') }
    expect(dueTicks(daily, exact).queue).toEqual(days(2))
    expect(dueTicks(daily, { after: exact.until, until: exact.until })).toEqual({
      queue: [],
      skipped: 0,
    })
    const justBefore = { after: exact.after, until: new Date(exact.until.getTime() - 1) }
    expect(dueTicks(daily, justBefore)).toEqual({ queue: [], skipped: 0 })
  })

  test('a clock that was set back gives nothing', () => {
    fc.assert(
      fc.property(nearChange, expressions, ({ timezone, from, to }, expression) => {
        for (const policy of ['none', 'last', 'all'] as const) {
          const back = { after: new Date(to), until: new Date(from) }
          expect(dueTicks({ expression, timezone }, back, { policy })).toEqual({
            queue: [],
            skipped: 0,
          })
        }
      }),
      { numRuns: 50 },
    )
  })

  test('a year without service costs no more than what is wanted', () => {
    const everySecond = { expression: '* * * * * *', timezone: 'Europe/Berlin' }
    const year = { after: new Date('2025-01-01T00:00Z'), until: new Date('2026-01-01T00:00Z') }
    const started = performance.now()
    const { queue, skipped } = dueTicks(everySecond, year, { policy: 'all', cap: 2 })
    expect(performance.now() - started).toBeLessThan(1000)
    expect(queue).toEqual([new Date('2025-12-31T23:59:59Z'), new Date('2026-01-01T00:00Z')])
    expect(skipped).toBe(365 * 86_400 - 2)
  })

  test('what is skipped is counted right through changes', () => {
    fc.assert(
      fc.property(nearChange, expressions, ({ timezone, from, to }, expression) => {
        const { queue, skipped } = dueTicks(
          { expression, timezone },
          { after: new Date(from), until: new Date(to) },
        )
        expect(queue.length + skipped).toBe(allTicks(expression, timezone, from, to).length)
      }),
      { numRuns: 200 },
    )
  })

  test('a cap below 1 is refused', () => {
    expect(() => dueTicks(daily, gap, { policy: 'all', cap: 0 })).toThrow(
      'catch-up cap 0: expected a whole number from 1',
    )
  })
})
