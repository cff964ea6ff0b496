import { type Selectable, sql, type Transaction } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import { Fault } from '../errors.ts'
import type { Db } from './connect.ts'
import type { Lease } from './leases.ts'
import type { DB, LedgerJobCalls } from './schema.generated.ts'
import { addWakeUps } from './wake-up.ts'

export type JobCall = Selectable<LedgerJobCalls>

export interface NewJobCall {
  job: string
  trigger: 'cron' | 'http' | 'cli' | 'job'
  subject: string
  params: object
  scheduledFor?: Date
  parent?: Pick<JobCall, 'id' | 'root_id' | 'fresh'>
  /** Adopt no cursor of an earlier call. */
  fresh?: boolean
  /** False: the caller takes it up itself. Default: true. */
  wake?: boolean
}

/**
 * Writes job calls as queued, and their wake-ups, in the caller's transaction; where none of them is woken, it is one
 * statement and needs none. Answers their ids, in order.
 */
export async function insertJobCalls(
  trx: Db | Transaction<DB>,
  calls: readonly NewJobCall[],
): Promise<string[]> {
  if (calls.length === 0) return []
  const rows = calls.map((call) => {
    const id = newId(call.parent?.id)
    return {
      id,
      job: call.job,
      trigger: call.trigger,
      subject: call.subject,
      params: JSON.stringify(call.params),
      scheduled_for: call.scheduledFor ?? null,
      parent_id: call.parent?.id ?? null,
      root_id: call.parent?.root_id ?? id,
      fresh: call.fresh ?? call.parent?.fresh ?? false,
    }
  })
  await trx.insertInto('ledger.job_calls').values(rows).execute()
  const woken = rows.filter((_, i) => calls[i]?.wake !== false)
  await addWakeUps(
    trx,
    woken.map(({ id }) => ({ jobCallId: id })),
  )
  return rows.map(({ id }) => id)
}

/** An id that runs with time, and after that of the parent, also where this machine's clock is behind. */
function newId(parent: string | undefined): string {
  const parentMs = parent ? Number.parseInt(parent.replaceAll('-', '').slice(0, 12), 16) : 0
  return Date.now() > parentMs ? uuidV7() : uuidV7({ msecs: parentMs + 1 })
}

/**
 * Serialises all that opens a call of this job and subject, until the transaction ends: a unique index
 * can't hold "one live call", since it would have to contain the partition key.
 */
export async function lockSubject(
  trx: Transaction<DB>,
  job: string,
  subject: string,
): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`${job}\n${subject}`}, 0))`.execute(trx)
}

const callsAbout = (db: Db | Transaction<DB>, job: string, subject: string) =>
  db
    .selectFrom('ledger.job_calls')
    .selectAll()
    .where('job', '=', job)
    .where('subject', '=', subject)

/** The unfinished call of this job and subject, if there is one: the oldest. */
export async function findLive(
  db: Db | Transaction<DB>,
  job: string,
  subject: string,
): Promise<JobCall | undefined> {
  return await callsAbout(db, job, subject)
    .where('finished_at', 'is', null)
    .orderBy('id')
    .limit(1)
    .executeTakeFirst()
}

/** The newest root call of this job with the very same subject and parameters, whatever its status. */
export async function findLatest(
  db: Db | Transaction<DB>,
  job: string,
  subject: string,
  params: object,
): Promise<JobCall | undefined> {
  return await callsAbout(db, job, subject)
    .where('parent_id', 'is', null)
    .where(sql<boolean>`params = ${JSON.stringify(params)}::jsonb`)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst()
}

export async function getJobCall(
  db: Db | Transaction<DB>,
  id: string,
): Promise<JobCall | undefined> {
  return await db.selectFrom('ledger.job_calls').selectAll().where('id', '=', id).executeTakeFirst()
}

/**
 * Adds the children that a call does not have yet (known by job and subject), while its lease is ours. A call that
 * somebody wants cancelled gets none: they would come after the cancelling and be left out of it.
 */
export async function insertChildren(
  db: Db,
  lease: Pick<Lease, 'call' | 'token'>,
  children: readonly { job: string; subject: string; params: object }[],
): Promise<void> {
  const parent = lease.call
  await db.transaction().execute(async (trx) => {
    const { rows: fence } = await sql<{ by: string | null }>`
      select cancel_requested_by as by from ledger.job_calls
      where id = ${parent.id} and lease_token = ${lease.token} for update`.execute(trx)
    if (!fence[0]) throw new Fault('lease_lost', `another attempt holds job call ${parent.id} now`)
    if (fence[0].by !== null) throw new Fault('cancelled', `cancelled by ${fence[0].by}`)
    const there = await trx
      .selectFrom('ledger.job_calls')
      .select(['job', 'subject'])
      .where('parent_id', '=', parent.id)
      .execute()
    const known = new Set(there.map(childKey))
    const missing = children.filter((child) => !known.has(childKey(child)))
    for (let start = 0; start < missing.length; start += 1000) {
      const some = missing.slice(start, start + 1000)
      await insertJobCalls(
        trx,
        some.map((child) => ({ ...child, trigger: 'job', parent })),
      )
    }
  })
}

/** By what a parent tells its children apart. */
const childKey = ({ job, subject }: { job: string; subject: string }) => `${job}\n${subject}`
