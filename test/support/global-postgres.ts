import type { TestProject } from 'vitest/node'
import { connect } from '../../src/db/connect.ts'
import { migrate } from '../../src/db/migrate.ts'
import { startPrivatePostgres } from '../../src/embedded/private-server.ts'
import { createLog } from '../../src/log.ts'
import { onServer, templateName } from './on-server.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** A superuser's URL of the server on which tests make their databases. */
    postgresUrl: string
    template: string
  }
}

/** One Postgres for the whole run (or that of TEST_DATABASE_URL), and on it a migrated template to make databases from. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['TEST_DATABASE_URL']
  const server = given ? undefined : await startPrivatePostgres({ fsync: false })
  const postgresUrl = given ?? server?.url ?? ''
  const template = templateName()
  await onServer(postgresUrl, `create database ${template}`)
  const connection = connect(
    Object.assign(new URL(postgresUrl), { pathname: `/${template}` }).href,
    { log: createLog('error'), max: 2 },
  )
  await migrate(connection)
  await connection.close()
  project.provide('postgresUrl', postgresUrl)
  project.provide('template', template)
  return async () => {
    await onServer(postgresUrl, `drop database ${template} with (force)`)
    await server?.stop()
  }
}
