import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'

/** What the tables hold, but for who wrote it and when, and how media addresses are signed: a count and a hash of each. */
export async function contentOf(db: Db): Promise<Record<string, unknown>> {
  const { rows: tables } = await sql<{ name: string }>`
    select concat(schemaname, '.', tablename) as name from pg_tables
    where schemaname in ('raw', 'public') and tablename not like 'tracked%' union all select 'ledger.rejects' order by 1`.execute(
    db,
  )
  const content: Record<string, unknown> = {}
  for (const { name } of tables) {
    const { rows } = await sql`
      with content as (
        select regexp_replace((to_jsonb(t) - '{service_call_id,fetched_at,job_call_id,first_seen_at,content_hash}'::text[])::text,
          'https?://[^"]*', '', 'g') as row from ${sql.table(name)} t
      )
      select count(*) as rows, md5(string_agg(row, '' order by row)) as hash from content`.execute(
      db,
    )
    content[name] = rows[0]
  }
  return content
}
