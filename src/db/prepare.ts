import { createHash } from 'node:crypto'
import type { PostgresPool, PostgresPoolClient } from 'kysely'
import type { Pool, PoolClient, QueryResult } from 'pg'
import { followTransactions } from '../tracing.ts'

/** As often a connection is asked the same before it prepares it; then anew each time that it was asked so many times as often. */
const often = 5
const growth = 8
/** Texts remembered by a connection: each one prepared keeps a plan in the server's memory. */
const mostTexts = 300
/** What is longer has a list of values in it, and is hardly asked twice. */
const longest = 10_000

/**
 * A pool whose connections prepare the statements that they are asked again and again: a page's statements take the planner
 * longer than the page takes to be written. By their text, so that nobody needs to name them. A plan that was made while a table was
 * empty is bad for a full one (to an empty table every index is as good), so that plans are made anew now and then.
 */
export function preparing(pool: Pool): PostgresPool {
  const clients = new WeakMap<PoolClient, PostgresPoolClient>()
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      const client = await pool.connect()
      const known = clients.get(client) ?? withNames(client)
      clients.set(client, known)
      return known
    },
  }
}

function withNames(client: PoolClient): PostgresPoolClient {
  const asked = new Map<string, { times: number; name: string }>()
  const nameOf = (text: string): string | undefined => {
    const known = asked.get(text)
    if (!known) {
      if (asked.size < mostTexts && text.length <= longest && !maySeeOtherColumns.test(text))
        asked.set(text, { times: 1, name: createHash('sha256').update(text).digest('base64url') })
      return undefined
    }
    if (++known.times <= often) return undefined
    return `${known.name}${Math.floor(Math.log(known.times / often) / Math.log(growth))}`
  }
  const follow = followTransactions()
  const query = async (text: string, values?: readonly unknown[]): Promise<QueryResult> => {
    // What has no values may begin or end a transaction; the others need not be looked at.
    if (!values?.length) return await follow(text, () => client.query({ text, values: [] }))
    const name = nameOf(text)
    return await client.query({ text, values: [...values], ...(name && { name }) })
  }
  return {
    // Kysely asks for nothing else: it has no cursor here.
    query: query as unknown as PostgresPoolClient['query'],
    release: (destroy) => client.release(destroy),
  }
}

/**
 * A migration that adds a column breaks what was prepared to answer a star, on every connection that is open. A bare star may stand
 * further inside, where it is only read from.
 */
const maySeeOtherColumns = /[\w"]\.\*|(^|\))\s*select \*|returning \*\s*$/i
