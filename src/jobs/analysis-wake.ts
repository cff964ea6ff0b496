import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { addWakeUps } from '../db/wake-up.ts'

const job = 'poll-analysis'

/**
 * A tick of `poll-analysis` between those of its schedule: in so many ms, by the database's clock, rounded up to a second so that many
 * wishes make one tick. Only where a scheduler has met the job: a paused one is not woken.
 */
export async function wakeAnalysis(db: Db, inMs: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ scheduled_for: Date }>`
      insert into ledger.ticks (job, scheduled_for)
      select job, to_timestamp(ceil(extract(epoch from clock_timestamp()) + ${Math.max(0, inMs) / 1000}::float8)) from ledger.schedules
      where job = ${job} and not paused
      on conflict do nothing returning scheduled_for`.execute(trx)
    for (const { scheduled_for: at } of rows)
      await addWakeUps(trx, [{ job, scheduledFor: at.toISOString() }], at)
  })
}
