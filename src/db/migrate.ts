import { promises as fs } from 'node:fs'
import path from 'node:path'
import { runMigrations } from 'graphile-worker'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import type { Connection } from './connect.ts'

const migrationFolder = path.resolve(import.meta.dirname, '../../migrations')

/**
 * Brings the database up to date: the queue's schema, then ours, then this and the next months' partitions.
 * Safe from several machines at once (each step takes a lock). Answers the names of what it applied. A database that newer code has
 * brought further is left as it is: a release bears the migrations of the next one (docs/operations.md).
 */
export async function migrate({ db, pool }: Pick<Connection, 'db' | 'pool'>): Promise<string[]> {
  const provider = new FileMigrationProvider({ fs, path, migrationFolder })
  if (await isAhead(pool, Object.keys(await provider.getMigrations()))) return []
  await runMigrations({ pgPool: pool })
  const migrator = new Migrator({ db, provider, migrationTableSchema: 'ledger' })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  await pool.query('select ledger.ensure_partitions()')
  return (results ?? []).map((result) => result.migrationName)
}

/** Whether the database has all that this code knows, and more. */
async function isAhead(pool: Connection['pool'], known: readonly string[]): Promise<boolean> {
  const table = await pool.query<{ is_there: boolean }>(
    `select to_regclass('ledger.kysely_migration') is not null as is_there`,
  )
  if (!table.rows[0]?.is_there) return false
  const { rows } = await pool.query<{ name: string }>('select name from ledger.kysely_migration')
  const applied = new Set(rows.map(({ name }) => name))
  return applied.size > known.length && known.every((name) => applied.has(name))
}
