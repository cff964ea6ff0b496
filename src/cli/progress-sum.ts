import type { StreamProgress } from '../etl/stream.ts'

export interface ProgressNow {
  pages: number
  rows: number
  /** Rows a second that this process read, since it began. */
  rate: number
  elapsedMs: number
  open: number
  ended: number
  /** How much of it is done, from 0 to 1; undefined where nobody knows. */
  share: number | undefined
  /** In milliseconds, at the rate so far. */
  leftMs: number | undefined
}

/** The same of one stream. */
export interface StreamNow {
  /** Its rows a second, since it was first heard of. */
  rate: number
  share: number | undefined
  leftMs: number | undefined
}

export interface ProgressSum {
  add(progress: StreamProgress): StreamNow
  now(): ProgressNow
}

interface Stream {
  pages: number
  rows: number
  left: number | undefined
  /** Pages and rows that were there before this process went on with it. */
  pagesBefore: number
  before: number
  since: number
}

/**
 * Adds up what streams tell. Streams that ended are forgotten but for their sums: a run may have a million.
 * @param expectedRows how many the last run like this one read: without, only cursors that tell what is left say how far it is
 */
export function createProgressSum(
  expectedRows?: number,
  clock: () => number = () => performance.now(),
): ProgressSum {
  const streams = new Map<string, Stream>()
  const sum = { pages: 0, rows: 0, pagesBefore: 0, before: 0, ended: 0 }
  const begun = clock()
  let heard = begun

  const pagesLeft = () => {
    let left = 0
    for (const stream of streams.values()) {
      if (stream.left === undefined) return undefined
      left += stream.left
    }
    return streams.size === 0 ? undefined : left
  }

  return {
    add({ id, pages, rows, left, status }) {
      const at = clock()
      // A page took some time before it was heard of: since the last that was heard at all, at least.
      const stream = streams.get(id) ?? {
        pages: 0,
        rows: 0,
        left,
        pagesBefore: Math.max(0, pages - 1),
        before: earlierRows(pages, rows),
        since: heard,
      }
      if (!streams.has(id)) {
        sum.before += stream.before
        sum.pagesBefore += stream.pagesBefore
      }
      heard = at
      sum.pages += pages - stream.pages
      sum.rows += rows - stream.rows
      Object.assign(stream, { pages, rows, left })
      if (status === 'open') streams.set(id, stream)
      else {
        streams.delete(id)
        sum.ended++
      }
      const elapsedMs = at - stream.since
      return {
        rate: perSecond(rows - stream.before, elapsedMs),
        ...howFar(pages, left, (pages - stream.pagesBefore) / elapsedMs),
      }
    },
    now() {
      const elapsedMs = clock() - begun
      const { pages, rows, pagesBefore, before, ended } = sum
      // What was read last time says more than what is left of the streams that are open: others may follow.
      const far =
        expectedRows === undefined
          ? howFar(pages, pagesLeft(), (pages - pagesBefore) / elapsedMs)
          : howFar(rows, Math.max(0, expectedRows - rows), (rows - before) / elapsedMs)
      return {
        pages,
        rows,
        rate: perSecond(rows - before, elapsedMs),
        elapsedMs,
        open: streams.size,
        ended,
        ...far,
      }
    },
  }
}

/** By what is done, what is left, and how much of it is done in a millisecond. Past what was expected nobody knows. */
function howFar(done: number, left: number | undefined, perMs: number) {
  if (!left || done === 0) return { share: undefined, leftMs: undefined }
  return { share: done / (done + left), leftMs: perMs > 0 ? left / perMs : undefined }
}

/** A stream that is taken up tells of its earlier pages too: what this process read is about one page of them. */
function earlierRows(pages: number, rows: number): number {
  return pages <= 1 ? 0 : Math.round((rows * (pages - 1)) / pages)
}

const perSecond = (count: number, ms: number) => Math.round(count / Math.max(1, ms / 1000))
