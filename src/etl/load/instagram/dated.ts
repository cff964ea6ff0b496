import { type RawBuilder, sql } from 'kysely'

/** The day (UTC) that figures are of: that on which they were fetched, or today by the database's clock, so that all machines agree. */
export const dayOf = (fetchedAt: RawBuilder<string | null>): RawBuilder<unknown> =>
  sql`(coalesce((${fetchedAt})::timestamptz, clock_timestamp()) at time zone 'UTC')::date`
