import { sql } from 'kysely'
import { v7 as uuidV7 } from 'uuid'
import type { Db } from '../../../src/db/connect.ts'

export interface EndedCall {
  job: string
  status?: 'succeeded' | 'failed' | 'cancelled'
  subject?: string
  /** When it ended. Default: now. */
  hoursAgo?: number
  rows?: number
  error?: object
  result?: object
}

/** Writes a job call as it stands in the ledger after its end, with a stream where it read rows. */
export async function insertEnded(
  db: Db,
  { job, status = 'succeeded', subject = '', hoursAgo = 0, rows, error, result }: EndedCall,
): Promise<string> {
  const id = uuidV7({ msecs: Date.now() - hoursAgo * 3_600_000 })
  const said = error ?? { kind: 'upstream', message: 'GET /things: 503' }
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, subject, status, attempt, started_at, finished_at, error, result)
    values (${id}, ${id}, ${job}, 'cli', ${subject}, ${status}, 1,
      clock_timestamp() - make_interval(secs => ${hoursAgo * 3600 + 1}::float8),
      clock_timestamp() - make_interval(secs => ${hoursAgo * 3600}::float8),
      ${status === 'failed' ? JSON.stringify(said) : null}::jsonb, ${JSON.stringify(result ?? {})}::jsonb)`.execute(
    db,
  )
  if (rows !== undefined)
    await sql`
      insert into ledger.service_calls (job_call_id, service, operation, status, rows_read, rows_inserted, finished_at)
      values (${id}, 'amocrm', 'contacts', 'done', ${rows}, ${rows}, clock_timestamp())`.execute(db)
  return id
}
