import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

/**
 * Runs a statement of a transaction that may take long: when the signal fires it is cancelled on the server.
 * @throws the signal's reason then
 */
export async function cancellable<T>(
  { db, trx, signal }: { db: Db; trx: Transaction<DB>; signal: AbortSignal },
  statement: () => Promise<T>,
): Promise<T> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx)
  let cancelled: Promise<unknown> | undefined
  const cancel = () => {
    cancelled = sql`select pg_cancel_backend(${rows[0]?.pid})`.execute(db).catch(() => {})
  }
  signal.throwIfAborted()
  signal.addEventListener('abort', cancel, { once: true })
  try {
    return await statement()
  } catch (error) {
    throw signal.aborted ? signal.reason : error
  } finally {
    signal.removeEventListener('abort', cancel)
    // On its way still, it would meet the next statement of this connection.
    await cancelled
  }
}
