import { type RawBuilder, sql } from 'kysely'
import type { Loaded } from '../../stream.ts'

/** A row whose figures may be those of another day: a replay says when they were fetched (ISO 8601). Default: now. */
export type Dated<Row> = Loaded<Row> & { fetched_at?: string | undefined }

/** The day (UTC) that figures are of. By the database's clock, so that all machines agree. */
export const dayOf = (fetchedAt: RawBuilder<string | null>): RawBuilder<unknown> =>
  sql`(coalesce((${fetchedAt})::timestamptz, clock_timestamp()) at time zone 'UTC')::date`
