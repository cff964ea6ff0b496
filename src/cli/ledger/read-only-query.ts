import type { Pool, PoolClient, QueryConfig } from 'pg'
import { Fault } from '../../errors.ts'

export interface QueryLimits {
  /** Seconds that the statement may take. */
  seconds: number
  /** Rows that are answered; further ones are not fetched. */
  rows: number
}

export interface QueryAnswer {
  /** Names of the columns; empty where no row came. */
  columns: string[]
  /** The values as Postgres writes them in JSON: times in ISO 8601, numbers with all their digits. */
  rows: (string | null)[][]
  /** Each row as a JSON object. */
  json: string[]
  /** There were more rows than the limit. */
  cut: boolean
  /** False: there is no role nightledger_reader here, and the read-only transaction alone holds. */
  asReader: boolean
}

/** Answers larger than this are cut: they would not fit into memory. */
const mostBytes = 64_000_000
/** How much longer than Postgres this side waits: for a server that cannot even say that it timed out. */
const graceMs = 5000

/**
 * Runs one statement of a stranger that can only read, on a connection that is thrown away afterwards.
 *
 * Three walls, since `set local role` alone is none: `select set_config('role', ...)` or a `do` block undoes it.
 * A function that belongs to nightledger_reader and runs with its rights does, as Postgres lets nobody change the
 * role inside of one. It opens a cursor for the statement: that takes just one, and just one that answers rows.
 * The transaction is read-only, which no statement can undo, and is rolled back: before Postgres 16 a statement may
 * make large objects all the same, and they go with it.
 */
export async function readOnlyQuery(
  pool: Pool,
  text: string,
  limits: QueryLimits,
): Promise<QueryAnswer> {
  const client = await pool.connect()
  const giveUp = setTimeout(
    // Ends the connection, and with it the query that waits on it.
    () => void client.end().catch(() => {}),
    limits.seconds * 1000 + graceMs,
  )
  try {
    const asReader = await begin(client, limits.seconds)
    const { rows } = await client.query<Row>({
      text: 'select names, cells, line from pg_temp.nightledger_read($1, $2, $3)',
      values: [text, limits.rows + 1, mostBytes],
      queryMode: 'extended',
    } as QueryConfig)
    await client.query('rollback')
    const kept = rows.slice(0, limits.rows)
    return {
      columns: rows[0]?.names ?? [],
      rows: kept.map((row) => row.cells),
      json: kept.map((row) => row.line),
      cut:
        rows.length > limits.rows ||
        rows.reduce((sum, row) => sum + row.line.length, 0) > mostBytes,
      asReader,
    }
  } finally {
    clearTimeout(giveUp)
    // Whatever the statement set or locked in this session goes with it.
    client.release(true)
  }
}

interface Row {
  names: string[]
  cells: (string | null)[]
  line: string
}

async function begin(client: PoolClient, seconds: number): Promise<boolean> {
  await client.query('begin')
  const asReader = await becomeReader(client)
  await client.query(reader)
  await client.query('set transaction read only')
  await client.query("set local timezone = 'UTC'")
  await client.query(`set local statement_timeout = ${Math.round(seconds * 1000)}`)
  return asReader
}

/** The migrations make the role where they may, and let us into it. */
async function becomeReader(client: PoolClient): Promise<boolean> {
  await client.query('savepoint before_role')
  try {
    await client.query('set local role nightledger_reader')
    return true
  } catch {
    await client.query('rollback to savepoint before_role')
    const { rows } = await client.query<{ is_superuser: string }>('show is_superuser')
    // A superuser reads the files of the server too, in a read-only transaction as well.
    if (rows[0]?.is_superuser === 'on')
      throw new Fault(
        'database',
        'DATABASE_URL names a superuser, and there is no role nightledger_reader to read as',
        {
          hint: 'create role nightledger_reader; grant pg_read_all_data to nightledger_reader',
        },
      )
    return false
  }
}

const reader = `
  create function pg_temp.nightledger_read(statement text, most_rows int, most_bytes bigint)
  returns table (names text[], cells text[], line text) language plpgsql security definer
  set search_path = public, ledger, raw, pg_temp as $$
  declare
    answered record; seen int := 0; bytes bigint := 0;
  begin
    for answered in execute statement loop
      line := row_to_json(answered);
      select array_agg(key order by n), array_agg(value order by n) into names, cells
        from json_each_text(line::json) with ordinality as field (key, value, n);
      return next;
      seen := seen + 1;
      bytes := bytes + octet_length(line);
      exit when seen >= most_rows or bytes > most_bytes;
    end loop;
  end $$`
