import { PassThrough } from 'node:stream'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { showProgress } from '../../src/cli/progress-display.ts'
import { createProgressSum } from '../../src/cli/progress-sum.ts'
import { pagesLeft } from '../../src/etl/pages-left.ts'
import type { StreamProgress } from '../../src/etl/stream.ts'

const progress = (
  n: number,
  pages: number,
  rows: number,
  status: StreamProgress['status'] = 'open',
): StreamProgress => ({
  id: `stream-${n}`,
  service: 'amocrm',
  operation: 'contacts',
  subject: `a rather long range ${n} that goes on beyond the edge`,
  pages,
  rows,
  status,
})

/** What a program sees of a terminal. */
function terminal(columns: number, rows: number) {
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows })
  let text = ''
  stream.on('data', (chunk) => {
    text += String(chunk)
  })
  return {
    stream: stream as unknown as NodeJS.WriteStream,
    text: () => text,
    clear: () => (text = ''),
  }
}

test('sums over streams that come and go, also ones that were taken up', () => {
  let at = 0
  const sum = createProgressSum(undefined, () => at)
  at = 1000
  expect(sum.add(progress(1, 1, 250))).toMatchObject({ rate: 250, leftMs: undefined })
  sum.add(progress(2, 41, 10_250)) // 40 pages were read by an earlier attempt.
  at = 2000
  expect(sum.add(progress(1, 2, 500, 'done'))).toMatchObject({ rate: 250 })
  expect(sum.now()).toEqual({
    pages: 43,
    rows: 10_750,
    rate: 375,
    elapsedMs: 2000,
    open: 1,
    ended: 1,
    share: undefined,
    leftMs: undefined,
  })
})

test('how far it is, and the time left: by what cursors tell, else by the last run', () => {
  let at = 0
  const clock = () => at
  const byCursors = createProgressSum(undefined, clock)
  at = 1000
  expect(byCursors.add({ ...progress(1, 1, 250), left: 3 })).toMatchObject({
    share: 0.25,
    leftMs: 3000,
  })
  byCursors.add({ ...progress(2, 41, 10_250), left: 4 })
  // Of the pages that this process read, two in a second.
  expect(byCursors.now()).toMatchObject({ share: 42 / 49, leftMs: 3500 })
  byCursors.add(progress(3, 1, 250))
  expect(byCursors.now()).toMatchObject({ share: undefined, leftMs: undefined })

  at = 0
  const byLastRun = createProgressSum(1000, clock)
  at = 1000
  byLastRun.add(progress(1, 1, 250))
  expect(byLastRun.now()).toMatchObject({ share: 0.25, leftMs: 3000 })
  byLastRun.add(progress(1, 2, 2000))
  expect(byLastRun.now()).toMatchObject({ share: undefined, leftMs: undefined })
})

test('what a cursor tells of what is left', () => {
  expect(pagesLeft({ from: 1, to: 2, pages: 7 })).toBe(7)
  expect(pagesLeft({ ids: ['1', '2', '3'], size: 2 })).toBe(2)
  expect(pagesLeft({ posts: [1, 2] })).toBe(2)
  for (const cursor of [null, 'x', { at: 'abc' }, { ids: ['1'] }, { page: 3 }])
    expect(pagesLeft(cursor)).toBeUndefined()
})

test('on a terminal: a sum, and lines as far as they fit; those that end make room', async () => {
  const { stream, text, clear } = terminal(100, 12)
  const display = showProgress(undefined, stream)
  onTestFinished(() => display.stop())
  for (let n = 0; n < 20; n++) display.onProgress(undefined, { ...progress(n, 1, 250), left: 1 })
  await setTimeout(300)
  const shown = text()
  expect(shown).toContain('streams: 20 open')
  expect(shown).toContain('████░░░░  50%     1 pages      250 rows')
  expect(new Set(shown.match(/contacts a rather long range \d+/g)).size).toBe(8)
  // oxlint-disable-next-line no-control-regex -- The terminal's own.
  const lines = shown.replaceAll(/\u001b\[[?\d]*[A-Za-z]/g, '\n').split(/[\r\n]+/)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(100)

  clear()
  for (let n = 0; n < 8; n++) display.onProgress(undefined, progress(n, 2, 500, 'done'))
  for (let n = 8; n < 20; n++) display.onProgress(undefined, progress(n, 2, 500))
  await setTimeout(300)
  expect(text()).toContain('contacts a rather long range 8')
  clear()
  display.stop()
  expect(text()).toContain('8 ended')
  expect(text()).not.toContain('contacts a rather long range')
  clear()
  display.onProgress(undefined, progress(30, 1, 1))
  await setTimeout(150)
  expect(text()).toBe('')
})

test('elsewhere: plain lines, not more than one in two seconds', async () => {
  const stream = new PassThrough()
  let text = ''
  stream.on('data', (chunk) => {
    text += String(chunk)
  })
  const display = showProgress(1000, stream as unknown as NodeJS.WriteStream)
  display.onProgress(undefined, progress(1, 1, 250))
  await setTimeout(2050)
  display.onProgress(undefined, progress(1, 2, 500))
  display.onProgress(undefined, progress(2, 1, 250, 'done'))
  display.stop()
  expect(text).toMatch(
    /^2 pages, 500 rows \(\d+\/s\) in 2\.\d s, about 2\.0 s left; streams: 1 open, 0 ended\n$/,
  )
})
