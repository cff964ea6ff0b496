import { z } from 'zod'
import type { Db } from '../../../db/connect.ts'
import type { Page } from '../../stream.ts'
import type { Seed } from '../../../db/service-calls.ts'
import { descend, type Descent, startDescent } from './descend.ts'
import { refuseUnfiltered } from './filters.ts'
import { type Amocrm, pageSize } from './upstream.ts'
import type { ExtractTools } from '../../stream.ts'

/** A range of `updated_at` in Unix seconds, both ends included; `to` null: open. */
export interface TimeCursor {
  from: number
  to: number | null
  /** Set while one second that fills more than a page is read by page numbers. */
  within?: Descent
}

const timed = z.looseObject({ updated_at: z.int() })
const timeOf = (record: unknown): number | undefined => timed.safeParse(record).data?.updated_at

/**
 * A page of contacts by `updated_at`, going on from the last one seen, never from a page number: rows move while they
 * are read, and a page number then skips some in silence. Only within one second, in which an import can have put
 * thousands, page numbers are all there is; they are read from the last to the first, which skips nothing (see `descend`).
 * An open range is asked again from its last row on as long as rows have changed since `readingSince`.
 */
export async function contactsByTime(
  { db, crm, readingSince }: { db: Db; crm: Amocrm; readingSince: Date },
  cursor: TimeCursor,
  tools: ExtractTools,
): Promise<Page<TimeCursor>> {
  const { from, to, within } = cursor
  if (within) return await withinSecond({ db, crm }, { from, to, within }, tools)
  const until = to === null ? [] : [`filter[updated_at][to]=${to}`]
  const query = [
    `filter[updated_at][from]=${from}`,
    ...until,
    'order[updated_at]=asc',
    `limit=${pageSize}`,
  ]
  const { records, hasNext } = await crm.list('contacts', query, tools)
  await refuseUnfiltered(db, crm, records, (record) => {
    const at = timeOf(record)
    return at === undefined || (at >= from && at <= (to ?? Number.POSITIVE_INFINITY))
  })
  const last = records.reduce<number>(
    (latest, record) => Math.max(latest, timeOf(record) ?? from),
    from,
  )
  if (hasNext) {
    if (last > from) return { records, next: { from: last, to } }
    return { records, next: { from, to, within: startDescent } }
  }
  const stillMoving = to === null && last > from && last * 1000 >= readingSince.getTime()
  return { records, next: stillMoving ? { from: last, to } : null }
}

async function withinSecond(
  { db, crm }: { db: Db; crm: Amocrm },
  { from: second, to, within }: Required<TimeCursor>,
  tools: ExtractTools,
): Promise<Page<TimeCursor>> {
  const query = [
    `filter[updated_at][from]=${second}`,
    `filter[updated_at][to]=${second}`,
    'order[id]=asc',
    `limit=${pageSize}`,
    `page=${within.page}`,
  ]
  const list = await crm.list('contacts', query, tools)
  await refuseUnfiltered(db, crm, list.records, (record) => (timeOf(record) ?? second) === second)
  const deeper = descend(within, list)
  if (deeper) return { records: list.records, next: { from: second, to, within: deeper } }
  const over = to !== null && second >= to
  return { records: list.records, next: over ? null : { from: second + 1, to } }
}

/** A stream of contacts is known by the range that it began with. */
export function timeSeed(from: number, to: number | null): Omit<Seed, 'operation'> {
  return { subject: `${from}..${to ?? ''}`, cursor: { from, to } satisfies TimeCursor }
}

/**
 * Shares what is left of a range with idle lanes, in equal parts of time, as long as it looks like more than two pages:
 * by the density of the page just read.
 */
export function splitTime(
  operation: string,
  page: Page<TimeCursor> & { next: TimeCursor },
  lanes: number,
): Page<TimeCursor> {
  const { next, records } = page
  const { from, to, within } = next
  if (to === null || within) return page
  const times = records.map((record) => timeOf(record) ?? from)
  const density = records.length / Math.max(1, Math.max(...times) - Math.min(...times))
  const parts = Math.min(lanes + 1, Math.floor((density * (to - from)) / (2 * pageSize)))
  const length = Math.floor((to - from) / parts)
  if (parts < 2 || length < 1) return page
  const ends = Array.from({ length: parts }, (_, i) =>
    i === parts - 1 ? to : from + length * (i + 1),
  )
  const [nearest = to, ...rest] = ends
  const opens = rest.map((end, i) => ({ operation, ...timeSeed(ends[i] ?? from, end) }))
  return { ...page, next: { from, to: nearest }, opens }
}
