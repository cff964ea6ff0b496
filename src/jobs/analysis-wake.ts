import { sql } from 'kysely'
import type { Db } from '../db/connect.ts'
import { addWakeUps } from '../db/wake-up.ts'

const job = 'poll-analysis'
/** Until the call that asks for it is surely over: while one lives, a tick makes no other. */
const leastMs = 2000

/** How long the profiles of a run may gather what they bring, in s, so that few calls take much each. */
const gatherSeconds = 10

/** Wakes who hands over, where a call has brought something: soon, and once for all calls of the same seconds. */
export async function wakeForAnalysis(db: Db, callId: string): Promise<void> {
  const { rows } = await sql<{ ms: number }>`
    select (${gatherSeconds} - extract(epoch from clock_timestamp())::numeric % ${gatherSeconds})::float8 * 1000 as ms
    where exists (select from ledger.analysis_tasks t
      where t.root_call_id = (select root_id from ledger.job_calls where id = ${callId}) and t.job_call_id = ${callId} and t.finished_at is null)`.execute(
    db,
  )
  if (rows[0]) await wakeAnalysis(db, rows[0].ms)
}

/**
 * A tick of `poll-analysis` between those of its schedule: in so many ms, by the database's clock, rounded up to a second so that many
 * wishes make one tick. Only where a scheduler has met the job: a paused one is not woken.
 */
export async function wakeAnalysis(db: Db, inMs: number): Promise<void> {
  await db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ scheduled_for: Date }>`
      insert into ledger.ticks (job, scheduled_for, queued_at)
      select job, t.at, t.at from ledger.schedules, lateral (select to_timestamp(ceil(extract(epoch from clock_timestamp()) + ${Math.max(leastMs, inMs) / 1000}::float8)) as at) t
      where job = ${job} and not paused
      on conflict do nothing returning scheduled_for`.execute(trx)
    for (const { scheduled_for: at } of rows)
      await addWakeUps(trx, [{ job, scheduledFor: at.toISOString() }], at)
  })
}
