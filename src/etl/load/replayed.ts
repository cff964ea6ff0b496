import { type RawBuilder, sql, type Transaction } from 'kysely'
import { toJsonb } from '../../db/jsonb.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { Loaded } from '../stream.ts'

/** Whether rows are transformed again, rather than met. */
export const isReplay = (rows: readonly Loaded<object>[]): boolean =>
  rows.some(({ fetched_at: at }) => at !== undefined)

/** A row that is met is not gone; one that is transformed again was not met, and keeps its mark. */
export const unlessMet = (
  rows: readonly Loaded<object>[],
  mark: string,
): RawBuilder<Date | null> => (isReplay(rows) ? sql`${sql.ref(mark)}` : sql`null::timestamptz`)

/** Another kind of record, under the same ids, that writes the same rows. */
interface OtherKind {
  source: string
  entity: string
}

/** Ids of rows of which the other kind of record was fetched later. A row that was just met has the last word. */
export async function toldLater<Row extends { external_id: string }>(
  trx: Transaction<DB>,
  rows: readonly Loaded<Row>[],
  { source, entity }: OtherKind,
): Promise<Set<string>> {
  if (!isReplay(rows)) return new Set()
  const told = rows.map(({ external_id, fetched_at }) => ({ external_id, fetched_at }))
  const { rows: later } = await sql<{ id: string }>`
    select n.external_id as id
    from jsonb_to_recordset(${toJsonb(told)}::jsonb) as r (external_id text, fetched_at timestamptz)
    join raw.records n on n.source = ${source} and n.entity = ${entity} and n.external_id = r.external_id
    where n.fetched_at > r.fetched_at`.execute(trx)
  return new Set(later.map(({ id }) => id))
}

export async function withoutToldLater<Row extends { external_id: string }>(
  trx: Transaction<DB>,
  rows: readonly Loaded<Row>[],
  other: OtherKind,
): Promise<readonly Loaded<Row>[]> {
  const later = await toldLater(trx, rows, other)
  return later.size === 0 ? rows : rows.filter((row) => !later.has(row.external_id))
}
