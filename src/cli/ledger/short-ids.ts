import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'

/**
 * The beginning of each id, as long as just one call begins so: `01a2046c-e8cd`, the millisecond that it was made in.
 * Calls that were made in bulk share theirs and keep their whole id.
 */
export async function shortIds(db: Db, ids: readonly string[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ id: string; alone: boolean }>`
    select a.id, not exists (
      select from ledger.job_calls c where c.id <> a.id
        and c.id between rpad(left(a.id::text, 13), 36, '-0000-0000-000000000000')::uuid
          and rpad(left(a.id::text, 13), 36, '-ffff-ffff-ffffffffffff')::uuid
    ) as alone
    from unnest(${ids}::uuid[]) as a (id)`.execute(db)
  return new Map(rows.map(({ id, alone }) => [id, alone ? id.slice(0, 13) : id]))
}
