import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import { findLive, getJobCall, type JobCall, lockSubject } from '../../db/job-calls.ts'
import { resume } from '../../db/resume.ts'
import { Fault } from '../../errors.ts'

/**
 * Queues a call again, for a worker to take up.
 * @throws Fault `params` where it succeeded; Fault `busy` where it runs, or another call of its subject does.
 */
export async function queueAgain(db: Db, call: JobCall, leaseSeconds: number): Promise<void> {
  if (call.status === 'succeeded')
    throw new Fault('params', `job call ${call.id} succeeded: there is nothing to resume`)
  await db.transaction().execute(async (trx) => {
    await lockSubject(trx, call.job, call.subject)
    const live = call.parent_id === null ? await findLive(trx, call.job, call.subject) : undefined
    if (live && live.id !== call.id) throw inTheWay(live)
    if (await resume(trx, call.id, { wake: true })) return
    throw inTheWay((await getJobCall(trx, call.id)) ?? call)
  })
  const workers = await countWorkers(db, leaseSeconds)
  process.stdout.write(
    workers > 0
      ? `${call.job} ${call.id} is queued: ${workers === 1 ? 'a worker takes' : `one of ${workers} workers takes`} it up\n`
      : `${call.job} ${call.id} is queued, but no worker lives: npm start starts one, or npm run job -- --resume ${call.id} runs it now\n`,
  )
}

function inTheWay({ id, job, status, worker }: JobCall): Fault {
  const where = status === 'running' ? `is running in ${worker}` : `is ${status}`
  return new Fault('busy', `${job}: job call ${id} ${where}`, {
    hint: `npm run ledger -- show ${id} tells how far it is; npm run ledger -- cancel ${id} stops it`,
  })
}

async function countWorkers(db: Db, leaseSeconds: number): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*) from ledger.workers where stopped_at is null and 'worker' = any(roles)
      and heartbeat_at > clock_timestamp() - make_interval(secs => ${leaseSeconds})`.execute(db)
  return rows[0]?.count ?? 0
}
