import { readFileSync } from 'node:fs'
import path from 'node:path'
import { sql } from 'kysely'
import { beforeAll, describe, expect, inject, test } from 'vitest'
import { readOnlyQuery } from '../../src/cli/ledger/read-only-query.ts'
import { connect, type Connection } from '../../src/db/connect.ts'
import { createLog } from '../../src/log.ts'
import { createEventfulLedger } from './support/eventful-ledger.ts'

const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/ledger.md'), 'utf8')
const queries = [...page.matchAll(/^### (.+?)$[^]*?^```sql\n([^]*?)^```/gm)].map(
  ([, title = '', text = '']) => ({
    title,
    text,
  }),
)
const blocks = [...page.matchAll(/^```sql\n([^]*?)^```/gm)].map(([, text = '']) => text)
/** The page's contact; the sandbox here is another. */
const example = '5100017'
const reading = queries.filter(({ text }) => !text.startsWith('update'))
const writing = blocks.filter((text) => text.startsWith('update'))

describe('each query of docs/ledger.md', () => {
  let connection: Connection
  let contact = ''

  beforeAll(async () => {
    const ledger = await createEventfulLedger(inject('postgresUrl'), inject('template'))
    connection = connect(ledger.url, { log: createLog('error'), max: 4 })
    const { rows } = await sql<{ id: string }>`select min(external_id) as id from contacts`.execute(
      connection.db,
    )
    contact = rows[0]?.id ?? ''
    return async () => {
      await connection.close()
      await ledger.drop()
    }
  })

  test('there are more than a dozen, and none is left out here', () => {
    expect(reading.length).toBeGreaterThan(12)
    expect(reading.length + writing.length).toBe(blocks.length)
  })

  test.each(reading)('$title', async ({ text }) => {
    const answer = await readOnlyQuery(connection.pool, text.replace(example, contact), {
      seconds: 10,
      rows: 1000,
    })
    expect(answer.asReader).toBe(true)
    expect(answer.rows.length).toBeGreaterThan(0)
  })

  test('from a row to the call, the tick and the record as it came', async () => {
    const lineage = reading.find(({ title }) => title.startsWith('Which call wrote'))?.text ?? ''
    const { columns, rows } = await readOnlyQuery(
      connection.pool,
      lineage.replace(example, contact),
      {
        seconds: 10,
        rows: 10,
      },
    )
    const row = Object.fromEntries(columns.map((name, i) => [name, rows[0]?.[i]]))
    expect(row).toMatchObject({
      external_id: contact,
      service: 'amocrm',
      job: 'crm-contacts',
      trigger: 'cli',
    })
    expect(JSON.parse(row['payload'] ?? '')).toMatchObject({ id: Number(contact) })
  })

  test.each(writing.map((text) => ({ text })))('$text', async ({ text }) => {
    const { numAffectedRows } = await sql.raw(text).execute(connection.db)
    expect(numAffectedRows).toBe(1n)
  })
})
