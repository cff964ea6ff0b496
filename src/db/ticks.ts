import { type Selectable, sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB, LedgerSchedules } from './schema.generated.ts'
import { addWakeUps } from './wake-up.ts'

/** The policies are held by named CHECKs of the table. */
export type ScheduleRow = Selectable<LedgerSchedules> & {
  now: Date
  catch_up: 'none' | 'last' | 'all'
}

/** Gives each job a row in `ledger.schedules` at first sight: counted from now, so nothing is caught up. */
export async function introduceJobs(db: Db, jobs: readonly string[]): Promise<void> {
  await sql`insert into ledger.schedules (job) select unnest(${jobs}::text[]) on conflict do nothing`.execute(
    db,
  )
}

/** The schedules that no other scheduler looks at in this moment, locked, with the database's time (or the time `at`). */
export async function lockSchedules(
  trx: Transaction<DB>,
  jobs: readonly string[],
  at?: Date,
): Promise<ScheduleRow[]> {
  const { rows } = await sql<ScheduleRow>`
    select s.*, coalesce(${at ?? null}::timestamptz, clock_timestamp()) as now from ledger.schedules s
    where job = any(${jobs}::text[]) order by job for update skip locked`.execute(trx)
  return rows
}

/** Writes ticks and their wake-ups. A tick that is there already is left alone: it runs once. */
export async function insertTicks(
  trx: Transaction<DB>,
  job: string,
  ticks: readonly Date[],
): Promise<void> {
  const { rows } = await sql<{ scheduled_for: Date }>`
    insert into ledger.ticks (job, scheduled_for) select ${job}, unnest(${ticks}::timestamptz[])
    on conflict do nothing returning scheduled_for`.execute(trx)
  await addWakeUps(
    trx,
    rows.map((row) => ({ job, scheduledFor: row.scheduled_for.toISOString() })),
  )
}

export async function lockTick(trx: Transaction<DB>, job: string, scheduledFor: string) {
  return await trx
    .selectFrom('ledger.ticks')
    .selectAll()
    .where('job', '=', job)
    .where('scheduled_for', '=', new Date(scheduledFor))
    .forUpdate()
    .executeTakeFirst()
}

/** Whether a tick of the job that came before still waits to be opened. */
export async function hasEarlierUnopened(
  trx: Transaction<DB>,
  job: string,
  scheduledFor: Date,
): Promise<boolean> {
  const earlier = await trx
    .selectFrom('ledger.ticks')
    .select('scheduled_for')
    .where('job', '=', job)
    .where('scheduled_for', '<', scheduledFor)
    .where('job_call_id', 'is', null)
    .where('skipped_reason', 'is', null)
    .limit(1)
    .executeTakeFirst()
  return earlier !== undefined
}
