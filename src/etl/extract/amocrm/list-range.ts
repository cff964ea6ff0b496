import type { Db } from '../../../db/connect.ts'
import { Skipped } from '../../../errors.ts'
import type { ExtractTools } from '../../stream.ts'
import { changedAt } from '../../transform/amocrm.ts'
import { refuseUnfiltered } from './filters.ts'
import type { Amocrm, List } from './upstream.ts'

export interface RangeDeps {
  db: Db
  crm: Amocrm
  path: 'contacts' | 'contacts/notes' | 'companies'
  /** Rows changed since then are still moving. */
  readingSince: Date
}

/**
 * Asks for a page of a range of `updated_at`, and checks what came against filter and order.
 * @throws Skipped where the API ignored one of them.
 */
export async function listRange(
  { db, crm, path, readingSince }: RangeDeps,
  { from, to }: { from: number; to: number | null },
  query: readonly string[],
  tools: ExtractTools,
): Promise<List> {
  const until = to === null ? [] : [`filter[updated_at][to]=${to}`]
  const range = [`filter[updated_at][from]=${from}`, ...until]
  const list = await crm.list(path, [...range, ...query], tools)
  await refuseUnfiltered(db, crm, list.records, (record) => {
    const at = changedAt(record) ?? from
    return at >= from && (to === null || at <= to || at * 1000 >= readingSince.getTime())
  })
  const times = settled(timesOf(list.records), to, readingSince)
  if (query.includes(byTime) && !times.every((time, i) => i === 0 || time >= (times[i - 1] ?? 0)))
    throw new Skipped('the API ignored the order by updated_at')
  return list
}

export const byTime = 'order[updated_at]=asc'

/** Rows of a closed range that change while it is listed may show their new time: they are met again later. */
export function settled(times: number[], to: number | null, readingSince: Date): number[] {
  const still = times.filter((time) => time * 1000 < readingSince.getTime())
  return to === null || still.length === 0 ? times : still
}

export function timesOf(records: readonly unknown[]): number[] {
  return records.map(changedAt).filter((time) => time !== undefined)
}
