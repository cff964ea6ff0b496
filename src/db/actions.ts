import type { Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

/** Who does something, and by which door. */
export interface Actor {
  /** A name from the page's login, or the account of a terminal. */
  who: string
  door: 'page' | 'cli'
}

export interface Action {
  action: 'run' | 'resume' | 'cancel' | 'pause' | 'unpause' | 'unblock'
  job?: string
  jobCallId?: string
  service?: string
}

/** Writes down what somebody does, in the transaction that does it. */
export async function noteAction(
  trx: Transaction<DB>,
  { who, door }: Actor,
  { action, job, jobCallId, service }: Action,
): Promise<void> {
  await trx
    .insertInto('ledger.actions')
    .values({ who, door, action, job, job_call_id: jobCallId, service })
    .execute()
}

export interface ActionsWanted {
  jobCallId?: string
  job?: string
  limit: number
}

/** What was done, the newest first. */
export async function listActions(db: Db, { jobCallId, job, limit }: ActionsWanted) {
  let query = db.selectFrom('ledger.actions').selectAll().orderBy('id', 'desc').limit(limit)
  if (jobCallId !== undefined) query = query.where('job_call_id', '=', jobCallId)
  if (job !== undefined) query = query.where('job', '=', job)
  return await query.execute()
}
