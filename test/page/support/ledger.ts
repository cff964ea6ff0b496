import { sql } from 'kysely'
import type { Db } from '../../../src/db/connect.ts'

/** Writes calls of many jobs, an hour apart, the last of every seventh job failed: in one statement, for a ledger of any size. */
export async function writeCalls(db: Db, jobs: number, callsOfEach: number): Promise<void> {
  await sql`
    insert into ledger.job_calls (id, root_id, job, trigger, status, attempt, queued_at, started_at, finished_at, error)
    select id, id, job, 'cli', status, 1, at, at, at + make_interval(secs => 30 + n * 7 % 200),
      case status when 'failed' then '{"kind": "upstream", "message": "503 from it", "hint": "look there"}'::jsonb end
    from (
      select 'job-' || lpad(j::text, 2, '0') as job, n, now() - make_interval(hours => n) as at,
        case when (j % 7 = 0 and n = 1) or n % 23 = 0 then 'failed' else 'succeeded' end as status,
        -- An id of that hour.
        (substr(ledger.uuid_v7_floor(now() - make_interval(hours => n))::text, 1, 14) || '7' || substr(gen_random_uuid()::text, 16))::uuid as id
      from generate_series(1, ${jobs}::int) j, generate_series(1, ${callsOfEach}::int) n
    ) made`.execute(db)
  await sql`analyze ledger.job_calls`.execute(db)
}
