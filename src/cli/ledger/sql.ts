import { DatabaseError, type Pool } from 'pg'
import { Fault } from '../../errors.ts'
import { oneLine, plural } from '../format.ts'
import { labelled, plainTable } from '../plain-table.ts'
import { type QueryAnswer, readOnlyQuery } from './read-only-query.ts'

export interface SqlOptions {
  json?: true
  limit: number
  timeout: number
}

/** Longer values are cut in the table; `--json` has them whole. */
const widest = 120

/** Runs one statement that reads and prints what it answers. @throws Fault: what Postgres said, in one line. */
export async function printQuery(
  pool: Pool,
  text: string,
  { json, limit, timeout }: SqlOptions,
): Promise<void> {
  const answer = await readOnlyQuery(pool, text, { rows: limit, seconds: timeout }).catch(
    (error: unknown) => {
      throw error instanceof DatabaseError ? explain(error, text, timeout) : error
    },
  )
  if (json)
    process.stdout.write(answer.json.map((line) => `${line.replaceAll('\n', '')}\n`).join(''))
  else if (answer.rows.length === 0) process.stdout.write('no rows\n')
  else process.stdout.write(`${layOut(answer)}\n`)
  // Not among the rows: what reads them should not have to tell notes from data.
  if (answer.cut)
    process.stderr.write(
      `... and more: the first ${plural(answer.rows.length, 'row')} (--limit raises it)\n`,
    )
  if (!answer.asReader)
    process.stderr.write(
      'there is no role nightledger_reader here: read in a read-only transaction alone\n',
    )
}

/** A line a row; on a terminal that is too narrow for that, a line a value. */
function layOut({ columns, rows }: QueryAnswer): string {
  const table = plainTable(
    columns,
    rows.map((row) => row.map((cell) => oneLine(cell ?? '', widest))),
  )
  const width = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY
  if (table.split('\n').every((line) => line.length <= width)) return table
  return rows.map((row) => labelled(row.map((cell, i) => [columns[i] ?? '', cell]))).join('\n\n')
}

/** SQLSTATE classes of statements that are themselves wrong: syntax, names, types, what may not be done. */
const wrongStatement = /^(22|25|42|0A)/

function explain(error: DatabaseError, text: string, timeout: number): Fault {
  if (error.code === '57014')
    return new Fault(
      'database',
      `stopped after ${plural(timeout, 'second')}: --timeout allows more`,
    )
  if (/^cannot open .*multi-query plan/.test(error.message))
    return new Fault('params', 'exactly one statement was expected', { hint: readsOnly })
  if (/^cannot open .* as cursor/.test(error.message))
    return new Fault(
      'params',
      `${/^cannot open (.*) query/.exec(error.message)?.[1] ?? 'this'} is not for reading`,
      { hint: readsOnly },
    )
  // A query inside a function has positions of its own.
  const own = error.internalQuery === undefined || error.internalQuery === text
  const at = own ? where(text, Number(error.position ?? error.internalPosition)) : ''
  return new Fault(
    wrongStatement.test(error.code ?? '') ? 'params' : 'database',
    `${oneLine(error.message)}${at}`,
    {
      hint: error.hint && oneLine(error.hint),
    },
  )
}

const readsOnly = 'one SELECT, WITH, VALUES, TABLE, SHOW or EXPLAIN, that changes nothing'

function where(text: string, position: number): string {
  if (!(position > 0)) return ''
  // Postgres counts characters, JavaScript halves of some.
  const before = Array.from(text)
    .slice(0, position - 1)
    .join('')
    .split('\n')
  const column = Array.from(before.at(-1) ?? '').length + 1
  return before.length > 1
    ? `, at line ${before.length}, character ${column}`
    : `, at character ${column}`
}
