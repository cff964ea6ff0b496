import path from 'node:path'
import { Client } from 'pg'
import { connect } from '../src/db/connect.ts'
import { migrate } from '../src/db/migrate.ts'
import { createLog } from '../src/log.ts'
import { createDatabase, query, type Servers } from './servers.ts'

/** Plain `COPY` of the rows of a database's raw and normalized tables into the same tables of a new one. */
export async function copyTables(servers: Servers, from: string) {
  const tables = await query<{ name: string }>(
    from,
    `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables where schemaname in ('raw', 'public')
       and relname not like 'kysely%' order by 1`,
  )
  const source = await clientOf(from)
  const filled: { name: string; file: string; rows: number }[] = []
  for (const { name } of tables) {
    const file = path.join(servers.dir, `${name}.copy`)
    const { rowCount } = await source.query(`copy ${name} to '${file}'`)
    if (rowCount) filled.push({ name, file, rows: rowCount })
  }
  await source.end()

  const to = await createDatabase(servers)
  const connection = connect(to, { log: createLog('silent') })
  await migrate(connection)
  await connection.close()
  const target = await clientOf(to)
  const begun = performance.now()
  for (const { name, file } of filled) await target.query(`copy ${name} from '${file}'`)
  const seconds = (performance.now() - begun) / 1000
  await target.end()
  return { seconds, rows: filled.reduce((sum, { rows }) => sum + rows, 0) }
}

async function clientOf(connectionString: string): Promise<Client> {
  const client = new Client({ connectionString })
  await client.connect()
  return client
}
