import { randomBytes } from 'node:crypto'
import { inject } from 'vitest'
import { connect, type Connection } from '../../../src/db/connect.ts'
import { createLog } from '../../../src/log.ts'
import { onServer } from '../../support/on-server.ts'

export interface SharedDatabase {
  url: string
  /** A pool of its own: what another process would have. */
  connect(): Connection
  stop(): Promise<void>
}

/** A migrated database for all tests of a file. */
export async function createSharedDatabase(): Promise<SharedDatabase> {
  const server = inject('postgresUrl')
  const name = `nightledger_${randomBytes(5).toString('hex')}`
  await onServer(server, `create database ${name} template ${inject('template')}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  const opened: Connection[] = []
  return {
    url,
    connect() {
      const connection = connect(url, { log: createLog('error'), max: 4 })
      opened.push(connection)
      return connection
    },
    async stop() {
      await Promise.all(opened.map((connection) => connection.close()))
      await onServer(server, `drop database ${name} with (force)`)
    },
  }
}
