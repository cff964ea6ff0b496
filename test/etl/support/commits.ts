import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'

/** Transactions of a database so far. */
export async function commits(db: Db): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select pg_stat_force_next_flush(), pg_stat_clear_snapshot(),
      (select xact_commit::int from pg_stat_database where datname = current_database()) as n`.execute(
    db,
  )
  return rows[0]?.n ?? 0
}
