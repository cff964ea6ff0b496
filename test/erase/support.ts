import { sql } from 'kysely'
import type { Db } from '../../src/db/connect.ts'
import { runProgram } from '../support/program.ts'

interface Column {
  schema: string
  name: string
}

/** Tables of the whole database, whoever made them. */
async function tablesOf(db: Db): Promise<Column[]> {
  const { rows } = await sql<Column>`
    select n.nspname as schema, c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind = 'r' and n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'`.execute(
    db,
  )
  return rows
}

/** A word by itself: not within a longer number or name. */
const wordPattern = (word: string) =>
  `(^|[^A-Za-z0-9])${word.replaceAll(/[.+*?()[\]{}^$|\\]/g, String.raw`\$&`)}($|[^A-Za-z0-9])`

/** In which tables, of all in the database, any column of any row holds one of these words; with an example. */
export async function whereIs(db: Db, words: readonly string[]): Promise<Record<string, string>> {
  const pattern = words.map(wordPattern).join('|')
  const found: Record<string, string> = {}
  for (const { schema, name } of await tablesOf(db)) {
    const { rows } = await sql<{ row: string }>`
      select to_jsonb(t)::text as row from ${sql.table(`${schema}.${name}`)} t where to_jsonb(t)::text ~* ${pattern} limit 1`.execute(
      db,
    )
    const [first] = rows
    if (first) found[`${schema}.${name}`.replace(/_(default|p?\d{4}_?\d{2})$/, '')] = first.row
  }
  return found
}

/** All rows of all tables, as text: to see whether anything was changed. Clients note late what they have used. */
export async function everything(db: Db): Promise<string> {
  const parts: string[] = []
  for (const { schema, name } of await tablesOf(db)) {
    if (name === 'upstream_hours') continue
    const { rows } = await sql<{ all: string | null }>`
      select string_agg(to_jsonb(t)::text, E'\n' order by to_jsonb(t)::text) as all from ${sql.table(`${schema}.${name}`)} t`.execute(
      db,
    )
    parts.push(`${schema}.${name}: ${rows[0]?.all}`)
  }
  return parts.join('\n')
}

/** `npm run ledger -- erase ...` */
export async function erase(env: Record<string, string>, ...args: string[]) {
  return await runProgram('src/cli/ledger.ts', ['erase', ...args], env)
}
