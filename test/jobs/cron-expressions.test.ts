import { describe, expect, test } from 'vitest'
import { nextTick, validateSchedule } from '../../src/jobs/due-ticks.ts'

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
