import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { queueAgain } from '../../jobs/operate.ts'
import { osAccount } from '../../os-account.ts'

/**
 * Queues a call again, and says who takes it up.
 * @throws Fault `params` where it succeeded; Fault `busy` where it runs, or another call of its subject does.
 */
export async function resumeAndTell(db: Db, call: JobCall, leaseSeconds: number): Promise<void> {
  await queueAgain(db, call, { who: osAccount(), door: 'cli' })
  const workers = await countWorkers(db, leaseSeconds)
  process.stdout.write(
    workers > 0
      ? `${call.job} ${call.id} is queued: ${workers === 1 ? 'a worker takes' : `one of ${workers} workers takes`} it up\n`
      : `${call.job} ${call.id} is queued, but no worker lives: npm start starts one, or npm run job -- --resume ${call.id} runs it now\n`,
  )
}

async function countWorkers(db: Db, leaseSeconds: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from ledger.workers where stopped_at is null and 'worker' = any(roles)
      and heartbeat_at > clock_timestamp() - make_interval(secs => ${leaseSeconds})`.execute(db)
  return rows[0]?.count ?? 0
}
