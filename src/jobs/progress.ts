import type { StreamProgress } from '../etl/stream.ts'
import type { HeldLease } from './lease-keeper.ts'

/** Sums what the streams of a call tell into `job_calls.progress`; the heartbeat carries it to the ledger. */
export function followProgress(held: HeldLease): (progress: StreamProgress) => void {
  const streams = new Map<string, { pages: number; rows: number }>()
  const sum = { pages: 0, rows: 0, streams: 0 }
  return ({ id, pages, rows, status }) => {
    const before = streams.get(id) ?? { pages: 0, rows: 0 }
    sum.pages += pages - before.pages
    sum.rows += rows - before.rows
    if (!streams.has(id)) sum.streams++
    // An ended stream tells nothing more: forgotten, so that a call of a million streams stays small.
    if (status === 'open') streams.set(id, { pages, rows })
    else streams.delete(id)
    held.progress = { ...sum }
  }
}
