import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createPatience } from '../../src/http/patience.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }))
afterEach(() => void vi.useRealTimers())

const id = '01a20492-bf71-7510-ae4e-47d9e5026705'
const seconds = async (count: number) => void (await vi.advanceTimersByTimeAsync(count * 1000))

/** How a wait ended, if it has. */
function follow(late: Promise<never>) {
  const seen: string[] = []
  late.catch((error: unknown) => seen.push(String(error)))
  return seen
}

test('with a storage that hangs, a turn that does not come is refused after 8 s, and so is a late one', async () => {
  const patience = createPatience()
  const [waiting, begun] = [patience.waitForTurn(() => id), patience.waitForTurn(() => id)]
  await seconds(7)
  patience.ended(false)
  expect(() => begun.take()).toThrow('too much to do')
  const refused = follow(waiting.tooLate)
  await seconds(0.9)
  expect(refused).toEqual([])
  await seconds(0.2)
  expect(refused).toEqual([expect.stringContaining('nothing was done')])
  expect(() => waiting.take()).toThrow('nothing was done')
})

test('with a storage that is well, a turn is waited for, and the storage then still gets its time', async () => {
  const patience = createPatience()
  const turn = patience.waitForTurn(() => id)
  const late = follow(turn.tooLate)
  for (let n = 0; n < 20; n++) {
    await seconds(1)
    patience.ended(true)
  }
  expect(late).toEqual([])
  const { storageEnd } = turn.take()
  await seconds(2.4)
  expect(storageEnd.aborted).toBe(false)
  await seconds(0.2)
  expect(String(storageEnd.reason)).toContain('the storage did not answer in time')
  await seconds(1)
  expect(late).toEqual([expect.stringContaining('how it ended is not known yet')])
})

test('one that begins at once has 8 s for the storage, and 9 s in all; ended, nothing fires', async () => {
  const patience = createPatience()
  const [turn, other] = [patience.waitForTurn(() => id), patience.waitForTurn(() => id)]
  const late = follow(turn.tooLate)
  const never = follow(other.tooLate)
  const { storageEnd } = turn.take()
  other.take()
  other.end()
  await seconds(7.9)
  expect(storageEnd.aborted).toBe(false)
  await seconds(0.2)
  expect([storageEnd.aborted, late]).toEqual([true, []])
  await seconds(1)
  expect(late.length).toBe(1)
  await seconds(120)
  expect(never).toEqual([])
})
