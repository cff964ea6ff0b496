import { sql, type Transaction } from 'kysely'
import type { JobCall } from './job-calls.ts'
import type { DB } from './schema.generated.ts'

/** What a new call takes over of one that was left unfinished. */
export interface Adoption {
  /** How old its newest cursor may be, in ms; 0: never. */
  maxAgeMs: number
  /** Whether streams that it had finished count as read. */
  finishedToo: boolean
}

/**
 * Lets a new call go on with what the last call of the same job, subject and parameters left unfinished: its streams come
 * over, with the moment since which they were reading and the age of their cursors. Does nothing where the last call succeeded,
 * or where its newest cursor is too old.
 */
export async function adoptUnfinished(
  trx: Transaction<DB>,
  call: JobCall,
  { maxAgeMs, finishedToo }: Adoption,
): Promise<Partial<Pick<JobCall, 'adopted_from' | 'reading_since'>>> {
  const { rows } = await sql<Pick<JobCall, 'adopted_from' | 'reading_since'>>`
    with last_call as (
      select id, status, reading_since from ledger.job_calls
      where job = ${call.job} and subject = ${call.subject} and params = ${JSON.stringify(call.params)}::jsonb
        and id < ${call.id} and finished_at is not null
      order by id desc limit 1
    ), unfinished as (
      select l.id, l.reading_since from last_call l
      where l.status in ('failed', 'cancelled')
        and (select max(s.updated_at) from ledger.service_calls s
          where s.job_call_id = l.id and s.status in ('open', 'failed') and (s.pages > 0 or s.adopted_from is not null))
          > clock_timestamp() - make_interval(secs => ${maxAgeMs / 1000})
    ), adopted as (
      insert into ledger.service_calls (job_call_id, service, operation, subject, status, cursor, adopted_from, updated_at, finished_at)
      select ${call.id}, s.service, s.operation, s.subject, case s.status when 'failed' then 'open' else s.status end,
        s.cursor, s.id, s.updated_at, case s.status when 'failed' then null else s.finished_at end
      from ledger.service_calls s join unfinished u on s.job_call_id = u.id
      where ${finishedToo} or s.status in ('open', 'failed')
      order by s.id
    ), met as (
      update ledger.records_met m set job_call_id = ${call.id} from unfinished u where m.job_call_id = u.id
    )
    update ledger.job_calls c set adopted_from = u.id, reading_since = u.reading_since
    from unfinished u where c.id = ${call.id}
    returning c.adopted_from, c.reading_since`.execute(trx)
  return rows[0] ?? {}
}
