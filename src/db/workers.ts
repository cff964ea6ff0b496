import { sql } from 'kysely'
import type { Db } from './connect.ts'
import { clearSpentWakeUps } from './wake-up.ts'

export interface WorkerRow {
  id: string
  host: string
  pid: number
  roles: string[]
  poolId: string | null
  concurrency: number
}

/** Says that this process is alive; the first time, that it exists. */
export async function heartbeat(db: Db, worker: WorkerRow): Promise<void> {
  await sql`
    insert into ledger.workers (id, host, pid, roles, pool_id, concurrency)
    values (${worker.id}, ${worker.host}, ${worker.pid}, ${worker.roles}, ${worker.poolId}, ${worker.concurrency})
    on conflict (id) do update set heartbeat_at = clock_timestamp(), stopped_at = null`.execute(db)
}

export async function signOff(db: Db, id: string): Promise<void> {
  await sql`update ledger.workers set stopped_at = clock_timestamp() where id = ${id}`.execute(db)
}

/**
 * Marks workers dead that have been silent, and frees the queue rows that they hold: graphile-worker alone
 * would keep them locked for four hours. Forgets workers that ended a week ago.
 */
export async function buryDeadWorkers(db: Db, silentSeconds: number): Promise<string[]> {
  return await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ id: string; pool_id: string | null }>`
      update ledger.workers set stopped_at = clock_timestamp()
      where stopped_at is null and heartbeat_at < clock_timestamp() - make_interval(secs => ${silentSeconds})
      returning id, pool_id`.execute(trx)
    const pools = rows.map((row) => row.pool_id).filter((pool) => pool !== null)
    if (pools.length > 0)
      await sql`select graphile_worker.force_unlock_workers(${pools}::text[])`.execute(trx)
    if (pools.length > 0) await clearSpentWakeUps(trx)
    await sql`delete from ledger.workers where stopped_at < clock_timestamp() - interval '7 days'`.execute(
      trx,
    )
    return rows.map((row) => row.id)
  })
}
