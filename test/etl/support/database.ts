import { randomBytes } from 'node:crypto'
import { Kysely, PostgresDialect, sql } from 'kysely'
import { Client } from 'pg'
import { up } from '../../../migrations/0002_upstream_quota.ts'
import { connect, type Connection } from '../../../src/db/connect.ts'
import { startPrivatePostgres } from '../../../src/embedded/private-server.ts'
import { createLog } from '../../../src/log.ts'

export interface UpstreamDatabase {
  url: string
  /** A pool of its own: what another process would have. */
  connect(): Connection
  stop(): Promise<void>
}

/** A database that holds what the upstreams' quota needs, on the server of TEST_DATABASE_URL or one of its own. */
export async function createUpstreamDatabase(): Promise<UpstreamDatabase> {
  const given = process.env['TEST_DATABASE_URL']
  const server = given ? undefined : await startPrivatePostgres({ fsync: false })
  const adminUrl = given ?? server?.url ?? ''
  const name = `upstreams_${randomBytes(4).toString('hex')}`
  await onServer(adminUrl, `create database ${name}`)
  const url = Object.assign(new URL(adminUrl), { pathname: `/${name}` }).href
  const opened: Connection[] = []
  const open = () => {
    const connection = connect(url, { log: createLog('error'), max: 4 })
    opened.push(connection)
    return connection
  }
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: open().pool }) })
  await sql`create schema ledger`.execute(db)
  await up(db)
  return {
    url,
    connect: open,
    async stop() {
      await Promise.all(opened.map((connection) => connection.close()))
      await onServer(adminUrl, `drop database ${name} with (force)`)
      await server?.stop()
    },
  }
}

async function onServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  await client.query(statement)
  await client.end()
}
