import { sql } from 'kysely'
import { beforeAll, inject } from 'vitest'
import { connect, type Connection } from '../../../src/db/connect.ts'
import { createLog } from '../../../src/log.ts'
import { createEventfulLedger } from './eventful-ledger.ts'
import { runToEnd } from './run-to-end.ts'

/** The ledger's command on an eventful ledger, one for the tests of a file. */
export function useLedgerCommand() {
  let url = ''
  let connection: Connection

  beforeAll(async () => {
    const made = await createEventfulLedger(inject('postgresUrl'), inject('template'))
    url = made.url
    connection = connect(url, { log: createLog('error'), max: 2 })
    return async () => {
      await connection.close()
      await made.drop()
    }
  })

  return {
    db: () => connection.db,
    async ledger(this: void, ...args: string[]) {
      const { code, output } = await runToEnd('src/cli/ledger.ts', args, { DATABASE_URL: url })
      return { code, output, lines: output.split('\n').filter(Boolean) }
    },
    /** The id of the one call of which this holds. */
    async idOf(this: void, where: string): Promise<string> {
      const { rows } = await sql<{ id: string }>`
        select id from ledger.job_calls where ${sql.raw(where)}`.execute(connection.db)
      return rows[0]?.id ?? ''
    },
  }
}
