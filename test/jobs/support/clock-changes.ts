import * as fc from 'fast-check'
import { expect } from 'vitest'
import { dueTicks } from '../../../src/jobs/due-ticks.ts'

export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const DAY = 24 * HOUR

// Node does not list these three, and they are what people write.
export const zones = [
  ...new Set([...Intl.supportedValuesOf('timeZone'), 'UTC', 'US/Eastern', 'Etc/GMT-14']),
]

/** All ticks in (after, until], as UTC texts without seconds. */
export function ticks(
  expression: string,
  timezone: string,
  after: string,
  until: string,
): string[] {
  return allTicks(expression, timezone, Date.parse(after), Date.parse(until)).map((tick) =>
    new Date(tick).toISOString().slice(0, 16),
  )
}

export function allTicks(
  expression: string,
  timezone: string,
  after: number,
  until: number,
): number[] {
  const interval = { after: new Date(after), until: new Date(until) }
  const { queue, skipped } = dueTicks({ expression, timezone }, interval, {
    policy: 'all',
    cap: 1e6,
  })
  expect(skipped).toBe(0)
  return queue.map((tick) => tick.getTime())
}

/** The clock on the wall, in the milliseconds that UTC would show it at. Knows nothing of the code under test. */
export function wallClock(timeZone: string): (at: number) => number {
  const format = new Intl.DateTimeFormat('sv-SE', {
    timeZone,
    dateStyle: 'short',
    timeStyle: 'medium',
  })
  return (at) => Date.parse(`${format.format(at).replace(' ', 'T')}Z`)
}

/** The moments in [from, to) at which a zone's clock jumps, to the minute. */
export function jumps(timeZone: string, from: number, to: number): number[] {
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
export function walk(timeZone: string, from: number, to: number): WalkedMinute[] {
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

export function slowTicks(expression: string, minutes: WalkedMinute[]): number[] {
  const matches = matcher(expression)
  const isInterval = /[*/]/.test(expression.split(' ').slice(0, 2).join(' '))
  return minutes
    .filter(
      ({ local, repeated, leapt }) =>
        (matches(local) && (isInterval || !repeated)) || (leapt !== undefined && matches(leapt)),
    )
    .map(({ at }) => at)
}

export const expressions = fc
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

const jumpsOfYear = new Map<string, number[]>()

/** A zone and a moment near one of its changes; in a zone without any, just a moment. */
export const nearChange = fc
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
