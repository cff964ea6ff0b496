import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { connect } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { startPrivatePostgres } from '../src/embedded/private-server.ts'
import { createLog } from '../src/log.ts'

/**
 * Writes src/db/schema.generated.ts from a database that has all migrations; with --verify it only tells whether
 * the file is up to date (exit 1 if not).
 */
const root = path.resolve(import.meta.dirname, '..')
const server = await startPrivatePostgres({ fsync: false })
try {
  const connection = connect(server.url, { log: createLog('warn'), max: 2 })
  await migrate(connection)
  await connection.close()
  const { status } = spawnSync(
    'kysely-codegen',
    [
      `--url=${server.url}`,
      '--dialect=postgres',
      '--default-schema=public',
      '--include-pattern={ledger,raw,public}.*',
      '--type-mapping={"int8":"number"}',
      `--out-file=${path.join(root, 'src/db/schema.generated.ts')}`,
      ...(process.argv.includes('--verify') ? ['--verify'] : []),
    ],
    { stdio: 'inherit' },
  )
  process.exitCode = status ?? 1
} finally {
  await server.stop()
}
