import { type Kysely, sql } from 'kysely'

/**
 * The last tombstone, for whoever is about to write a page, and holds an erasure up from here to its commit. As a function, since
 * its second statement sees what was committed while the first one waited; a statement by itself sees what was there when it began.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`
    create function ledger.last_tombstone() returns bigint language plpgsql volatile as $$
    begin
      perform pg_advisory_xact_lock_shared(hashtext('ledger.tombstones'));
      return (select coalesce(max(seq), 0) from ledger.tombstones);
    end $$`.execute(db)
}
