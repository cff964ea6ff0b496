import Table from 'cli-table3'
import { oneLine } from './format.ts'

export type Cell = string | number | null | undefined

const noFrame = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
}

/** A table without frames or colours, one line a row: for people, and for grep. Columns of numbers stand to the right. */
export function plainTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const isNumeric = head.map((_, column) => {
    const cells = rows.map((row) => String(row[column] ?? '')).filter((cell) => cell !== '')
    return cells.length > 0 && cells.every((cell) => /^-?\d+(\.\d+)?$/.test(cell))
  })
  const table = new Table({
    head: [...head],
    chars: noFrame,
    colAligns: isNumeric.map((numeric) => (numeric ? 'right' : 'left')),
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  for (const row of rows) table.push(row.map((cell) => oneLine(String(cell ?? ''))))
  return table.toString().replaceAll(/ +$/gm, '')
}

/** `name  value` lines; those without a value are left out. */
export function labelled(lines: readonly (readonly [string, string | null | undefined])[]): string {
  const width = Math.max(...lines.map(([label]) => label.length))
  return lines
    .filter(([, value]) => value)
    .map(([label, value]) => `${label.padEnd(width)}  ${oneLine(value ?? '')}`)
    .join('\n')
}
