/** Rows by table: deleted, and rewritten without the person. */
export type Tally = Record<string, { deleted: number; rewritten: number }>

export function count(
  tally: Tally,
  table: string,
  what: 'deleted' | 'rewritten',
  rows: number | bigint | undefined,
): void {
  if (!rows) return
  const row = (tally[table] ??= { deleted: 0, rewritten: 0 })
  row[what] += Number(rows)
}

export function add(tally: Tally, other: Tally): Tally {
  const sum = structuredClone(tally)
  for (const [table, { deleted, rewritten }] of Object.entries(other)) {
    count(sum, table, 'deleted', deleted)
    count(sum, table, 'rewritten', rewritten)
  }
  return sum
}
