import { z } from 'zod'

/** A profile pins three posts at most; they stand first, however old (upstreams/instagram.md, B1). */
const mostPinned = 3

const time = z.union([z.number(), z.string()]).optional().catch(undefined)
const media = z.looseObject({ taken_at_ts: time, taken_at: time, timestamp: time })

/** When a post was made, in milliseconds: epoch seconds or ISO 8601, with or without a colon in its offset. */
function timeOf(record: unknown): number | undefined {
  const { data } = media.safeParse(record)
  for (const told of [data?.taken_at_ts, data?.taken_at, data?.timestamp]) {
    const ms = typeof told === 'number' ? told * 1000 : Date.parse(told ?? '')
    if (Number.isFinite(ms)) return ms
  }
  return undefined
}

/** The records of a page that tell how far down the list it is: not the first three of all, each of which may be pinned. */
export function inOrder(records: readonly unknown[], isFirst: boolean): readonly unknown[] {
  return isFirst ? records.slice(mostPinned) : records
}

/** Whether a list, newest first, has passed `since` with these: what follows is older. One stray old post ends nothing, the last two say. */
export function havePassed(since: string, records: readonly unknown[]): boolean {
  const times = records.map(timeOf).filter((at) => at !== undefined)
  const end = Date.parse(since)
  return times.length > 0 && times.slice(-2).every((at) => at < end)
}
