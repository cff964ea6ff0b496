import { type Html, html, type Value } from './html.ts'

/** A column's heading, and how its cells are set: numbers stand to the right. */
export type Column = string | readonly [name: string, kind: 'number' | 'progress' | 'cursor']

export const numbers = (...names: readonly string[]): Column[] =>
  names.map((name) => [name, 'number'])

/** The cells of a row: the first says what it is about. */
export type Row = readonly Value[]

export interface TableRows {
  rows: readonly Row[]
  /** By what programs know a row: `data-<name>="<value>"`, in the order of the rows. */
  known?: { by: string; as: readonly (string | null)[] }
  foot?: Row
}

/** A table that can be scrolled sideways where it is wider than the screen, by keyboard too. */
export function table(
  about: string,
  columns: readonly Column[],
  { rows, known, foot }: TableRows,
): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${about}"><table>
<thead><tr>${columns.map((column) => html`<th scope="col"${classOf(column)}>${nameOf(column)}</th>`)}</tr></thead>
<tbody>${rows.map((row, n) => html`<tr${known && html` data-${known.by}="${known.as[n]}"`}>${cells(row, columns)}</tr>`)}</tbody>
${foot && html`<tfoot><tr>${cells(foot, columns)}</tr></tfoot>`}</table></div>`
}

function cells([first, ...others]: Row, [, ...columns]: readonly Column[]): Html {
  return html`<th scope="row">${first}</th>${others.map((cell, n) => html`<td${classOf(columns[n])}>${cell}</td>`)}`
}

const nameOf = (column: Column) => (typeof column === 'string' ? column : column[0])

const classOf = (column: Column = '') => typeof column !== 'string' && html` class="${column[1]}"`
