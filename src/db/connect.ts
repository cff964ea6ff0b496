import { Kysely, PostgresDialect } from 'kysely'
import { Pool, types } from 'pg'
import type { Logger } from '../log.ts'
import { preparing } from './prepare.ts'
import type { DB } from './schema.generated.ts'

export type Db = Kysely<DB>

export interface Connection {
  db: Db
  pool: Pool
  close(): Promise<void>
}

export interface ConnectOptions {
  log: Logger
  /** Connections at most. Default: 10. */
  max?: number
  applicationName?: string
}

// Counters are bigint in the ledger; none of them comes near 2^53.
types.setTypeParser(types.builtins.INT8, Number)

/**
 * Opens a pool on the database. A process frozen inside a transaction is put out after 10 s, so that it
 * holds nobody up, and a peer that vanished is noticed by TCP keepalives.
 */
export function connect(url: string, options: ConnectOptions): Connection {
  const pool = new Pool({
    connectionString: url,
    max: options.max ?? 10,
    application_name: options.applicationName ?? 'nightledger',
    idle_in_transaction_session_timeout: 10_000,
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    options: [
      '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3',
      // Plans are kept (see `preparing`), and some are made while a table is empty: an index must look cheap then too.
      '-c random_page_cost=1.1',
    ].join(' '),
  })
  // Without a handler, a connection that loses its server ends the process.
  const lost = (error: Error) =>
    options.log.warn({ reason: error.message }, 'a database connection was lost')
  pool.on('error', lost)
  pool.on('connect', (client) => client.on('error', lost))
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool: preparing(pool) }) })
  return { db, pool, close: () => db.destroy() }
}
