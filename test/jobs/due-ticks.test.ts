import * as fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'

import { dueTicks, nextTick, validateSchedule } from '../../src/jobs/due-ticks.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

// Node does not list these three, and they are what people write.
const zones = [
  ...new Set([...Intl.supportedValuesOf('timeZone'), 'UTC', 'US/Eastern', 'Etc/GMT-14']),
]

// The walks take seconds together, more on a busy machine.
vi.setConfig({ testTimeout: 60_000 })

afterEach(() => {
  vi.useRealTimers()
})

/** All ticks in (after, until], as UTC texts without seconds. */
function ticks(expression: string, timezone: string, after: string, until: string): string[] {
  return allTicks(expression, timezone, Date.parse(after), Date.parse(until)).map((tick) =>
    new Date(tick).toISOString().slice(0, 16),
  )
}

function allTicks(expression: string, timezone: string, after: number, until: number): number[] {
  const interval = { after: new Date(after), until: new Date(until) }
  const { queue, skipped } = dueTicks({ expression, timezone }, interval, {
    policy: 'all',
    cap: 1e6,
  })
  expect(skipped).toBe(0)
  return queue.map((tick) => tick.getTime())
}

/** The clock on the wall, in the milliseconds that UTC would show it at. Knows nothing of the code under test. */
function wallClock(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (at) => Date.parse(`${format.format(at).replace(' ', 'T')}Z`)
}

/** The moments in [from, to) at which a zone's clock jumps, to the minute. */
function jumps(timeZone: string, from: number, to: number): number[] {
  const wall = wallClock(timeZone)
  const found: number[] = []
  for (let day = from; day < to; day += DAY) {
    const offset = wall(day) - day
    if (wall(day + DAY) - day - DAY === offset) continue
    let [low, high] = [day, day + DAY]
    while (high - low > MINUTE) {
      const middle = Math.floor((low + high) / 2 / MINUTE) * MINUTE
      if (wall(middle) - middle === offset) low = middle
      else high = middle
    }
    found.push(high)
  }
  return found
}

interface WalkedMinute {
  at: number
  local: number
  /** The clock showed the same before. */
  repeated: boolean
  /** The local minute that would be now, had the clock not leapt over it. */
  leapt: number | undefined
}

/** Walks minute by minute, from a day and a bit before, so that what came earlier is known. */
function walk(timeZone: string, from: number, to: number): WalkedMinute[] {
  const wall = wallClock(timeZone)
  const seen = new Set<number>()
  const leaptAt = new Map<number, number>()
  const minutes: WalkedMinute[] = []
  let expected: number | undefined
  for (let at = from - 26 * HOUR; at < to; at += MINUTE) {
    const local = wall(at)
    for (let gone = expected ?? local; gone < local; gone += MINUTE) {
      leaptAt.set(at + gone - (expected ?? local), gone)
    }
    if (at >= from) {
      minutes.push({ at, local, repeated: seen.has(local), leapt: leaptAt.get(at) })
    }
    seen.add(local)
    expected = local + MINUTE
  }
  return minutes
}

/** A second reading of cron, as plain as can be. */
function matcher(expression: string): (local: number) => boolean {
  const [minute = '', hour = '', day = '', month = '', weekday = ''] = expression.split(' ')
  return (local) => {
    const date = new Date(local)
    const onDay = fieldHas(day, 1, date.getUTCDate())
    const onWeekday = fieldHas(weekday, 0, date.getUTCDay())
    return (
      fieldHas(minute, 0, date.getUTCMinutes()) &&
      fieldHas(hour, 0, date.getUTCHours()) &&
      fieldHas(month, 1, date.getUTCMonth() + 1) &&
      (day === '*' || weekday === '*' ? onDay && onWeekday : onDay || onWeekday)
    )
  }
}

function fieldHas(field: string, least: number, value: number): boolean {
  return field.split(',').some((item) => {
    const [range = '', step = '1'] = item.split('/')
    const [low = '', high = low] = range === '*' ? [String(least), '99'] : range.split('-')
    return value >= +low && value <= +high && (value - +low) % +step === 0
  })
}

function slowTicks(expression: string, minutes: WalkedMinute[]): number[] {
  const matches = matcher(expression)
  const isInterval = /[*/]/.test(expression.split(' ').slice(0, 2).join(' '))
  return minutes
    .filter(
      ({ local, repeated, leapt }) =>
        (matches(local) && (isInterval || !repeated)) || (leapt !== undefined && matches(leapt)),
    )
    .map(({ at }) => at)
}

const expressions = fc
  .tuple(
    fc.constantFrom('0', '30', '59', '7,45', '10-12', '*', '*/15', '*/30', '5-50/20'),
    fc.oneof(
      fc.integer({ min: 0, max: 23 }).map(String),
      fc.constantFrom('0', '1', '2', '3', '23', '0,1,2,3', '1-3', '22,23', '9-17'),
      fc.constantFrom('*', '*/2', '1-23/2', '*/6'),
    ),
    fc.constantFrom('*', '*', '*', '1-7', '*/2', '31', '15,29'),
    fc.constantFrom('*', '*', '*', '3,10', '1-12/2'),
    fc.constantFrom('*', '*', '*', '0', '1-5', '0,6'),
  )
  .map((fields) => fields.join(' '))

/** Years with something of their own: Samoa's lost day (2011), Pyongyang's half hour (2018), now, and ahead. */
const years = [2011, 2015, 2018, 2024, 2025, 2026, 2027, 2030]

/** A zone and a moment near one of its changes; in a zone without any, just a moment. */
const jumpsOfYear = new Map<string, number[]>()
const nearChange = fc
  .tuple(fc.constantFrom(...zones), fc.constantFrom(...years), fc.nat(), fc.nat(2 * DAY))
  .map(([timezone, year, pick, shift]) => {
    const key = `${timezone} ${year}`
    const found =
      jumpsOfYear.get(key) ?? jumps(timezone, Date.UTC(year, 0, 1), Date.UTC(year + 1, 0, 1))
    jumpsOfYear.set(key, found)
    const around = found[pick % (found.length || 1)] ?? Date.UTC(year, 4, 1)
    const from = Math.floor((around - shift) / MINUTE) * MINUTE
    return { timezone, from, to: from + 2 * DAY }
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

test('six fields start with the second', () => {
  expect(
    nextTick({ expression: '30 0 2 * * *', timezone: 'UTC' }, new Date('2026-05-01T02:00Z')),
  ).toEqual(new Date('2026-05-01T02:00:30Z'))
})

/** The first day from May 2026 on. */
function first(expression: string): string | undefined {
  const tick = nextTick({ expression, timezone: 'UTC' }, new Date('2026-05-01T00:00Z'))
  return tick?.toISOString().slice(0, 10)
}

test('reads names, last days and nth weekdays', () => {
  expect(first('0 0 * JUN MON-FRI')).toBe('2026-06-01')
  expect(first('0 0 L * *')).toBe('2026-05-31')
  expect(first('0 0 * * 5L')).toBe('2026-05-29')
  expect(first('0 0 * * 1#2')).toBe('2026-05-11')
  // Day and weekday both given: either will do, as in every cron.
  expect(first('0 0 20 * 7')).toBe('2026-05-03')
  expect(first('0 0 29 2 *')).toBe('2028-02-29')
  expect(first('0 0 * 2 1#5')).toBe('2044-02-29')
})

describe('validateSchedule', () => {
  const expected = 'expected "minute hour day month weekday", such as "0 2 * * *"'

  test.each([
    ['0 2 * * *', 'Europe/Berlin'],
    ['*/10 * * * * *', 'UTC'],
    [' 0  2 29 2 * ', 'America/Argentina/Buenos_Aires'],
    ['0 2 * MAR THU', 'Asia/Kathmandu'],
  ])('takes %s in %s', (expression, timezone) => {
    expect(() => validateSchedule(expression, timezone)).not.toThrow()
  })

  test.each([
    ['', 'not 5 or 6 fields'],
    ['0 2 * *', 'not 5 or 6 fields'],
    ['0 0 2 * * * *', 'not 5 or 6 fields'],
    ['0 24 * * *', 'Constraint error, got value 24 expected range 0-23'],
    ['H 2 * * *', 'H is not supported'],
    ['0 0 30 2 *', 'it never fires, since its months have no such day'],
    ['0 0 31 4,6 *', 'it never fires, since its months have no such day'],
  ])('refuses %j', (expression, reason) => {
    const refuse = () => validateSchedule(expression, 'UTC')
    expect(refuse).toThrow(`cron expression "${expression}": ${reason}; ${expected}`)
    expect(refuse).toThrow(expect.objectContaining({ kind: 'settings' }))
  })

  test.each(['Mars/Base', '', 'Europe'])('refuses the zone %j', (timezone) => {
    expect(() => validateSchedule('0 2 * * *', timezone)).toThrow(
      `time zone "${timezone}" is unknown; expected an IANA name such as "Europe/Berlin" or "UTC"`,
    )
  })
})
