import { randomBytes } from 'node:crypto'
import { Client } from 'pg'

/** Runs one statement as the owner of the test server. */
export async function onServer(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}

export const templateName = () => `nightledger_template_${randomBytes(4).toString('hex')}`
