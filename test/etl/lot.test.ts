import { expect, test } from 'vitest'
import { createLot } from '../../src/etl/extract/lot.ts'

/** What is used has left by then. */
const gone = () => Promise.resolve()

/** A lot whose time came `ageMs` ago, and what it said of itself. */
function lotOf(sends: number, { ageMs = 0, usableMs = 60_000 } = {}) {
  const settled: (number | null)[] = []
  const givenBack: unknown[] = []
  const lot = createLot(
    { sends, usableMs, notBefore: performance.now() - ageMs },
    {
      settled: (lateMs) => settled.push(lateMs),
      givenBack: (one) => givenBack.push(one),
      headCame: () => {},
      refused: async () => 0,
      shut: () => {},
    },
  )
  return { lot, settled, givenBack }
}

function spin(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
}

test('so many sends and no more; settled once, at the lateness of the last one', async () => {
  const { lot, settled } = lotOf(3, { ageMs: 1000 })
  const slots = [lot.take(), lot.take(), lot.take()]
  expect(lot.take()).toBeUndefined()
  expect(slots.slice(0, 2).map((slot) => slot?.use())).toEqual([true, true])
  expect(settled).toEqual([])
  spin(5)
  expect(slots[2]?.use()).toBe(true)
  spin(5)
  await gone()
  expect(slots.map((slot) => slot?.use())).toEqual([false, false, false])
  lot.close()
  expect(settled).toEqual([expect.any(Number)])
  expect(settled[0]).toBeGreaterThanOrEqual(1010)
})

test('one that was given back can be taken again, once', async () => {
  const { lot, settled, givenBack } = lotOf(2)
  const [first, second] = [lot.take(), lot.take()]
  first?.giveBack()
  first?.giveBack()
  expect(first?.use()).toBe(false)
  expect(givenBack).toEqual([lot])
  expect(lot.take()?.use()).toBe(true)
  expect(lot.take()).toBeUndefined()
  expect(settled).toEqual([])
  expect(second?.use()).toBe(true)
  await gone()
  expect(settled).toHaveLength(1)
})

test('when its time is over, what was handed out is thrown away and the rest with it', () => {
  const { lot, settled } = lotOf(3, { usableMs: 5 })
  const slot = lot.take()
  spin(6)
  expect(lot.take()).toBeUndefined()
  expect(settled).toEqual([])
  expect(slot?.use()).toBe(false)
  expect(settled).toEqual([null])
})

test('closed: nothing more of it is sent, and who gives back later gives it to nobody', async () => {
  const { lot, settled, givenBack } = lotOf(4)
  const [used, late, back] = [lot.take(), lot.take(), lot.take()]
  expect(used?.use()).toBe(true)
  await gone()
  lot.closeUnused()
  lot.close()
  expect(lot.take()).toBeUndefined()
  expect(late?.use()).toBe(false)
  expect(settled).toEqual([])
  back?.giveBack()
  expect(givenBack).toEqual([])
  expect(settled).toEqual([expect.any(Number)])
})

test('one that nobody wants goes back whole', () => {
  const { lot, settled } = lotOf(4)
  const slot = lot.take()
  lot.closeUnused()
  expect(settled).toEqual([])
  slot?.giveBack()
  lot.closeUnused()
  expect(settled).toEqual([null])
  expect(lot.take()).toBeUndefined()
})
