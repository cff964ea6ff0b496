import { hash } from 'node:crypto'
import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { DB } from '../../db/schema.generated.ts'
import type { IsErased } from './scrub.ts'

/** Tombstones, as far as a process has met them. */
export interface Tombstones {
  /** The last one, of all that are known. */
  seq: number
  hashes: Set<string>
}

/** What a process knows of the tombstones in a database: read once, and again where a page's transaction met newer ones. */
const knownOf = new WeakMap<Db, Tombstones>()

export const knownTombstones = (db: Db): Tombstones => knownOf.get(db) ?? nothing
const nothing: Tombstones = { seq: 0, hashes: new Set() }

/**
 * For a statement that runs anyway: the last tombstone, 0 where there is none. A look at the end of an index, and a lock that is
 * shared with other pages, until the transaction ends.
 */
export const lastTombstone: RawBuilder<number> = sql`ledger.last_tombstone()`

/** Waits for each page that is being written without knowing of what this transaction does; pages that come wait for it, and know. */
export async function holdPagesUp(trx: Transaction<DB>): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('ledger.tombstones'))`.execute(trx)
}

/** Thrown out of a transaction that was begun without knowing all tombstones: nothing is written, and it is done again. */
export class NewTombstones extends Error {
  constructor() {
    super('people were erased since')
  }
}

/**
 * Whoever has asked for the last tombstone in a transaction holds an erasure up until it commits: where it writes nothing of the
 * people whose tombstones it can see, nothing of an erased person comes in any more.
 * @param known the last tombstone that was regarded in what is to be written
 * @param last what a statement of the transaction answered as `lastTombstone`; undefined: none has asked
 * @throws NewTombstones where there are later ones
 */
export async function requireKnown(
  trx: Transaction<DB>,
  known: number,
  last: number | undefined,
): Promise<void> {
  const newest =
    last ?? (await sql<{ seq: number }>`select ${lastTombstone} as seq`.execute(trx)).rows[0]?.seq
  if ((newest ?? 0) > known) throw new NewTombstones()
}

/** Reads those that are new. */
export async function learnTombstones(db: Db): Promise<void> {
  const { seq, hashes } = knownTombstones(db)
  const rows = await readTombstones(db, seq)
  knownOf.set(db, {
    seq: rows.at(-1)?.seq ?? seq,
    hashes: new Set([...hashes, ...rows.map((row) => row.hash)]),
  })
}

/** All after `seq`, in order, their hashes in hex. */
export async function readTombstones(
  db: Db | Transaction<DB>,
  seq = 0,
): Promise<{ seq: number; hash: string }[]> {
  const { rows } = await sql<{ seq: number; hash: string }>`
    select seq, encode(hash, 'hex') as hash from ledger.tombstones where seq > ${seq} order by seq`.execute(
    db,
  )
  return rows
}

/** What a tombstone knows an id or a name of a source by, in hex. */
export const tombstoneOf = (source: string, name: string): string =>
  hash('sha256', `${source}:${name.toLowerCase()}`)

export const erasedIn =
  (source: string, hashes: ReadonlySet<string>): IsErased =>
  (name) =>
    hashes.has(tombstoneOf(source, name))

/** Whether a tombstone stands for an id or a name, by a look at the table. */
export async function isErasedNow(db: Db, source: string, name: string): Promise<boolean> {
  const { rows } = await sql`
    select from ledger.tombstones where hash = decode(${tombstoneOf(source, name)}, 'hex')`.execute(
    db,
  )
  return rows.length > 0
}
