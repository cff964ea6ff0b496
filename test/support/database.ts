import { randomBytes } from 'node:crypto'
import { inject, onTestFinished } from 'vitest'
import { connect, type Connection } from '../../src/db/connect.ts'
import { createLog } from '../../src/log.ts'
import { onServer } from './on-server.ts'

export interface TestDatabase extends Connection {
  url: string
}

/**
 * A migrated database of its own.
 * @param atEnd is given what drops it. Default: that is done when the test has finished.
 */
export async function createDatabase(
  atEnd: (drop: () => Promise<void>) => void = onTestFinished,
): Promise<TestDatabase> {
  const server = inject('postgresUrl')
  const name = `nightledger_${randomBytes(5).toString('hex')}`
  await onServer(server, `create database ${name} template ${inject('template')}`)
  const url = Object.assign(new URL(server), { pathname: `/${name}` }).href
  const connection = connect(url, { log: createLog('error'), max: 8 })
  atEnd(async () => {
    await connection.close()
    await onServer(server, `drop database ${name} with (force)`)
  })
  return { ...connection, url }
}
