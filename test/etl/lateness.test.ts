import { expect, test } from 'vitest'
import { createLateness, unknownLateMs } from '../../src/etl/extract/lateness.ts'

/** What is taken for the lateness of each answer, in the order they came. */
function latenessOf(tookMs: readonly number[]): number[] {
  const lateness = createLateness()
  return tookMs.map((ms) => lateness.of(ms))
}
const mean = (numbers: readonly number[]) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length
const times = <T>(n: number, make: (i: number) => T) => Array.from({ length: n }, (_, i) => make(i))

test('the first ones say nothing: there is nothing to compare with', () => {
  expect(latenessOf([900, 250, 250, 250])).toEqual(times(4, () => unknownLateMs))
})

test('where answers take the same time, one that came later may have been counted as late, however late that is', () => {
  const late = latenessOf(times(60, (i) => (i === 50 ? 450 : 250 + (i % 3))))
  expect(late[50]).toBeGreaterThanOrEqual(199)
  expect(late.slice(51).every((ms) => ms <= 2)).toBe(true)
})

test('where they differ anyway, no more is taken than keeps the average in the budget', () => {
  const late = latenessOf(times(500, (i) => 100 + ((i * 37) % 200))).slice(64)
  expect(mean(late)).toBeLessThan(13)
  expect(mean(late)).toBeGreaterThan(10)
})

test('what came quickest is not the measure if it was alone', () => {
  const late = latenessOf([3, ...times(40, () => 250)])
  expect(late.slice(20).every((ms) => ms === 0)).toBe(true)
})

test('it goes by the last answers: an upstream that became slower is usual after a while', () => {
  const late = latenessOf([...times(100, () => 100), ...times(100, () => 400)])
  expect(late[101]).toBeGreaterThan(100)
  expect(late.at(-1)).toBe(0)
})
