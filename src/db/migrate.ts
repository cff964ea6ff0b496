import { promises as fs } from 'node:fs'
import path from 'node:path'
import { runMigrations } from 'graphile-worker'
import { FileMigrationProvider, Migrator } from 'kysely/migration'
import type { Connection } from './connect.ts'

const migrationFolder = path.resolve(import.meta.dirname, '../../migrations')

/**
 * Brings the database up to date: the queue's schema, then ours, then this and the next months' partitions.
 * Safe from several machines at once (each step takes a lock). Answers the names of what it applied.
 */
export async function migrate({ db, pool }: Pick<Connection, 'db' | 'pool'>): Promise<string[]> {
  await runMigrations({ pgPool: pool })
  const migrator = new Migrator({
    db,
    provider: new FileMigrationProvider({ fs, path, migrationFolder }),
    migrationTableSchema: 'ledger',
  })
  const { error, results } = await migrator.migrateToLatest()
  if (error) throw error
  await pool.query('select ledger.ensure_partitions()')
  return (results ?? []).map((result) => result.migrationName)
}
