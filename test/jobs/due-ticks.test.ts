import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { nextTick } from '../../src/jobs/due-ticks.ts'
import {
  allTicks,
  DAY,
  expressions,
  HOUR,
  jumps,
  MINUTE,
  nearChange,
  slowTicks,
  ticks,
  walk,
  wallClock,
  zones,
} from './support/clock-changes.ts'

// The walks take seconds together, more on a busy machine.
vi.setConfig({ testTimeout: 180_000 })

afterEach(() => {
  vi.useRealTimers()
})

describe('a time that the clock leaps over comes as late as the leap is long', () => {
  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', ['2026-03-29T01:30']],
    [
      '0,30 2 * * *',
      'Europe/Berlin',
      '2026-03-29T00:00Z',
      ['2026-03-29T01:00', '2026-03-29T01:30'],
    ],
    // 02:30 comes as 03:30, which is a tick already: one, not two.
    ['30 2,3 * * *', 'Europe/Berlin', '2026-03-29T00:00Z', ['2026-03-29T01:30']],
    ['30 2 * * *', 'America/New_York', '2026-03-08T00:00Z', ['2026-03-08T07:30']],
    ['15 2 * * *', 'Australia/Lord_Howe', '2026-10-03T12:00Z', ['2026-10-03T15:45']],
    ['0 0 * * *', 'America/Santiago', '2026-09-06T00:00Z', ['2026-09-06T04:00']],
    ['0 0 * * *', 'Africa/Cairo', '2026-04-23T12:00Z', ['2026-04-23T22:00']],
    ['0 0 * * *', 'Asia/Beirut', '2026-03-28T12:00Z', ['2026-03-28T22:00']],
    ['30 1 * * *', 'Antarctica/Troll', '2026-03-29T00:00Z', ['2026-03-29T01:30']],
    // The whole 30th of December 2011 is missing: its tick falls together with that of the 31st.
    ['0 2 30,31 12 *', 'Pacific/Apia', '2011-12-30T00:00Z', ['2011-12-30T12:00']],
    // A window of the hour that is missing keeps its four ticks.
    [
      '*/15 2 * * *',
      'Europe/Berlin',
      '2026-03-29T00:00Z',
      ['2026-03-29T01:00', '2026-03-29T01:15', '2026-03-29T01:30', '2026-03-29T01:45'],
    ],
  ])('%s in %s', (expression, timezone, after, expected) => {
    const until = new Date(Date.parse(after) + 18 * HOUR).toISOString()
    expect(ticks(expression, timezone, after, until)).toEqual(expected)
  })
})

describe('a time that the clock shows twice is run at the first', () => {
  test.each([
    ['30 2 * * *', 'Europe/Berlin', '2026-10-25T00:00Z', ['2026-10-25T00:30']],
    [
      '0 1-3 * * *',
      'Europe/Berlin',
      '2026-10-24T22:00Z',
      ['2026-10-24T23:00', '2026-10-25T00:00', '2026-10-25T02:00'],
    ],
    ['30 1 * * *', 'America/New_York', '2026-11-01T00:00Z', ['2026-11-01T05:30']],
    ['45 1 * * *', 'Australia/Lord_Howe', '2026-04-04T12:00Z', ['2026-04-04T14:45']],
    ['30 23 * * *', 'America/Santiago', '2026-04-04T12:00Z', ['2026-04-05T02:30']],
    ['30 23 * * *', 'Africa/Cairo', '2026-10-29T12:00Z', ['2026-10-29T20:30']],
    ['30 1 * * *', 'Antarctica/Troll', '2026-10-24T22:00Z', ['2026-10-24T23:30']],
  ])('%s in %s', (expression, timezone, after, expected) => {
    const until = new Date(Date.parse(after) + 18 * HOUR).toISOString()
    expect(ticks(expression, timezone, after, until)).toEqual(expected)
  })
})

test('asked in the middle of a repeated hour, it does not run the hour again', () => {
  const schedule = { expression: '30 2 * * *', timezone: 'Europe/Berlin' }
  expect(nextTick(schedule, new Date('2026-10-25T00:30Z'))).toEqual(new Date('2026-10-26T01:30Z'))
  expect(nextTick(schedule, new Date('2026-10-25T01:10Z'))).toEqual(new Date('2026-10-26T01:30Z'))
})

test('interval expressions go on through a change without a hole', () => {
  for (const timezone of zones) {
    const wall = wallClock(timezone)
    for (const jump of jumps(timezone, Date.UTC(2025, 0, 1), Date.UTC(2027, 0, 1))) {
      const length = (wall(jump) - wall(jump - MINUTE)) / MINUTE - 1
      const longest = (expression: string) => {
        const all = allTicks(expression, timezone, jump - 6 * HOUR, jump + 6 * HOUR)
        return Math.max(...all.slice(1).map((tick, index) => tick - (all[index] ?? 0))) / MINUTE
      }
      expect({
        timezone,
        length,
        quarter: longest('*/15 * * * *'),
        hour: longest('0 * * * *'),
      }).toEqual({
        timezone,
        length,
        quarter: 15,
        // The hour of a clock that is set back by half an hour lasts an hour and a half.
        hour: length === -30 ? 90 : 60,
      })
      expect(allTicks('*/15 * * * *', timezone, jump - 6 * HOUR, jump + 6 * HOUR)).toHaveLength(48)
      // An even hour that is leapt over is made good; a step back can make the wait longer by its length.
      expect(longest('0 */2 * * *')).toBeLessThanOrEqual(120 + Math.max(0, -length))
    }
  }
})

test('a list of all hours is an interval, as * is', () => {
  const [after, until] = [Date.parse('2026-10-24T12:00Z'), Date.parse('2026-10-25T12:00Z')]
  expect(allTicks('0 0-23 * * *', 'Europe/Berlin', after, until)).toEqual(
    allTicks('0 * * * *', 'Europe/Berlin', after, until),
  )
})

test('a daily job has one tick on each day of the calendar, in every zone', () => {
  const exceptions: string[] = []
  const [from, to] = [Date.UTC(2026, 0, 1), Date.UTC(2027, 0, 1)]
  for (const timezone of zones) {
    const wall = wallClock(timezone)
    const dateOf = (at: number) => new Date(wall(at)).toISOString().slice(0, 10)
    const dates: string[] = []
    for (let local = from; local < to; local += DAY)
      dates.push(new Date(local).toISOString().slice(0, 10))
    for (const time of ['0 0', '30 2', '30 23']) {
      const got = allTicks(`${time} * * *`, timezone, from - 2 * DAY, to + 2 * DAY).map(dateOf)
      const inYear = got.filter((date) => date.startsWith('2026'))
      if (inYear.join() === dates.join()) continue
      const lacking = dates.filter((date) => !inYear.includes(date))
      const doubled = inYear.filter((date, index) => inYear.indexOf(date) !== index)
      exceptions.push(`${timezone} ${time}: none on ${lacking.join()}, two on ${doubled.join()}`)
    }
  }
  // Greenland's clock leaps from 23:00 over the hour before midnight: 23:30 comes at 00:30.
  expect(exceptions.toSorted()).toEqual([
    'America/Godthab 30 23: none on 2026-03-28, two on 2026-03-29',
    'America/Scoresbysund 30 23: none on 2026-03-28, two on 2026-03-29',
  ])
})

test('a day that a zone skipped has no tick of its own', () => {
  const wall = wallClock('Pacific/Apia')
  const got = allTicks('0 2 * * *', 'Pacific/Apia', Date.UTC(2011, 11, 28), Date.UTC(2012, 0, 2))
  expect(got.map((at) => new Date(wall(at)).getUTCDate())).toEqual([28, 29, 31, 1, 2])
})

test('agrees with a walk minute by minute around changes, over all zones', () => {
  fc.assert(
    fc.property(nearChange, fc.array(expressions, { minLength: 8, maxLength: 8 }), (near, some) => {
      const minutes = walk(near.timezone, near.from, near.to)
      for (const expression of some) {
        const fast = allTicks(expression, near.timezone, near.from - 1, near.to - 1)
        expect([expression, ...fast]).toEqual([expression, ...slowTicks(expression, minutes)])
      }
    }),
    { numRuns: 200 },
  )
})

test('ticks rise strictly, and an interval that is cut has those of the whole', () => {
  fc.assert(
    fc.property(nearChange, expressions, fc.array(fc.nat(2 * DAY)), (near, expression, shifts) => {
      const whole = allTicks(expression, near.timezone, near.from, near.to)
      for (const [index, tick] of whole.entries()) {
        expect(tick).toBeGreaterThan(whole[index - 1] ?? near.from)
        expect(tick).toBeLessThanOrEqual(near.to)
      }
      // Cuts fall on ticks too, where an end counted twice or not at all would show.
      const onTicks = whole.filter((_, index) => index % 3 === 0)
      const cuts = [near.from, ...shifts.map((shift) => near.from + shift), ...onTicks, near.to]
      const sorted = cuts.toSorted((a, b) => a - b)
      const parts = sorted.slice(1).flatMap((end, index) => {
        return allTicks(expression, near.timezone, sorted[index] ?? end, end)
      })
      expect(parts).toEqual(whole)
    }),
    { numRuns: 200 },
  )
})

test('nextTick walks the same ticks', () => {
  fc.assert(
    fc.property(nearChange, expressions, ({ timezone, from }, expression) => {
      let after = new Date(from)
      const chain: number[] = []
      for (let count = 0; count < 5; count++) {
        after = nextTick({ expression, timezone }, after) ?? after
        chain.push(after.getTime())
      }
      expect(chain).toEqual(allTicks(expression, timezone, from, after.getTime()))
    }),
    { numRuns: 150 },
  )
})

test('the same at any time of the machine', () => {
  const until = Date.UTC(2026, 5, 1)
  const before = allTicks('7 */5 * * 1', 'Asia/Tokyo', until - 30 * DAY, until)
  vi.useFakeTimers({ now: 0 })
  expect(allTicks('7 */5 * * 1', 'Asia/Tokyo', until - 30 * DAY, until)).toEqual(before)
})

test('no two changes of a zone are so close that they could hide each other', () => {
  for (const timezone of zones) {
    const found = jumps(timezone, Date.UTC(2025, 0, 1), Date.UTC(2029, 0, 1))
    const apart = found.slice(1).map((jump, index) => jump - (found[index] ?? 0))
    expect([timezone, ...apart.filter((time) => time < 7 * DAY)]).toEqual([timezone])
  }
})
