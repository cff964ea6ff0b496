import { join } from 'node:path'
import { Client } from 'pg'
import { findPostgresBinaries } from './postgres-binaries.ts'
import { clusterAccount, clusterUrl, ensureCluster } from './postgres-cluster.ts'
import { startPostgres } from './postgres-server.ts'
import type { Service } from './service.ts'

const database = 'nightledger'

/** Postgres with its data in `<localDir>/postgres` and one database, `nightledger`. */
export function postgresService(localDir: string): Service {
  const folder = join(localDir, 'postgres')
  const log = join(localDir, 'postgres.log')
  let port: number | undefined
  return {
    name: 'postgres',
    start: async () => {
      const account = clusterAccount(folder)
      const binaries = findPostgresBinaries(account)
      await ensureCluster(folder, { binaries, account, log })
      const dataDir = join(folder, 'data')
      const server = await startPostgres({ binaries, account, dataDir, log, port })
      port = server.port
      await ensureDatabase(clusterUrl(folder, port, 'postgres'))
      return { ...server, url: clusterUrl(folder, port, database) }
    },
  }
}

async function ensureDatabase(adminUrl: string): Promise<void> {
  const client = new Client({ connectionString: adminUrl })
  await client.connect()
  try {
    const found = await client.query('select from pg_database where datname = $1', [database])
    if (found.rowCount === 0) await client.query(`create database ${database}`)
  } finally {
    await client.end()
  }
}
