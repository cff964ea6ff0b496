import type { StreamProgress } from '../etl/stream.ts'

export interface ProgressNow {
  pages: number
  rows: number
  /** Rows a second that this process read, since it began. */
  rate: number
  elapsedMs: number
  open: number
  ended: number
}

export interface ProgressSum {
  /** Answers the stream's own rate: its rows a second, since it was first heard of. */
  add(progress: StreamProgress): number
  now(): ProgressNow
}

interface Stream {
  pages: number
  rows: number
  /** Rows that were there before this process went on with it. */
  before: number
  since: number
}

/** Adds up what streams tell. Streams that ended are forgotten but for their sums: a run may have a million. */
export function createProgressSum(clock: () => number = () => performance.now()): ProgressSum {
  const streams = new Map<string, Stream>()
  const sum = { pages: 0, rows: 0, before: 0, ended: 0 }
  const begun = clock()
  let heard = begun
  return {
    add({ id, pages, rows, status }) {
      const at = clock()
      // A page took some time before it was heard of: since the last that was heard at all, at least.
      const stream = streams.get(id) ?? {
        pages: 0,
        rows: 0,
        before: earlierRows(pages, rows),
        since: heard,
      }
      if (!streams.has(id)) sum.before += stream.before
      heard = at
      sum.pages += pages - stream.pages
      sum.rows += rows - stream.rows
      Object.assign(stream, { pages, rows })
      if (status === 'open') streams.set(id, stream)
      else {
        streams.delete(id)
        sum.ended++
      }
      return perSecond(rows - stream.before, at - stream.since)
    },
    now() {
      const elapsedMs = clock() - begun
      const { pages, rows, ended } = sum
      return {
        pages,
        rows,
        rate: perSecond(rows - sum.before, elapsedMs),
        elapsedMs,
        open: streams.size,
        ended,
      }
    },
  }
}

/** A stream that is taken up tells of its earlier pages too: what this process read is about one page of them. */
function earlierRows(pages: number, rows: number): number {
  return pages <= 1 ? 0 : Math.round((rows * (pages - 1)) / pages)
}

const perSecond = (count: number, ms: number) => Math.round(count / Math.max(1, ms / 1000))
