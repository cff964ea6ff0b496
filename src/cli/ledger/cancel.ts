import { hostname, userInfo } from 'node:os'
import type { Db } from '../../db/connect.ts'
import { cancelTree } from '../../db/cancel.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { listOrphans, rescue } from '../../db/orphans.ts'
import { Fault } from '../../errors.ts'
import { plural } from '../format.ts'

/** Cancels a call and all under it. @throws Fault `params` where it is over already. */
export async function cancelCall(db: Db, call: JobCall): Promise<void> {
  const { ended, stopping } = await cancelTree(db, call.id, whoAsks())
  if (ended + stopping === 0)
    throw new Fault(
      'params',
      `job call ${call.id} is ${call.status} already: there is nothing to cancel`,
    )
  const buried = stopping > 0 ? await endOrphans(db, call) : 0
  const running = stopping - buried
  process.stdout.write(
    `${call.job} ${call.id}: ${plural(ended + buried, 'call')} cancelled, ${running} stopping\n`,
  )
  if (running > 0)
    process.stdout.write(
      `their workers end them within seconds: npm run ledger -- show ${call.id}\n`,
    )
}

/** Calls whose worker is gone have nobody to stop them: ended here, as any worker's sweeper would. */
async function endOrphans(db: Db, call: JobCall): Promise<number> {
  const cancelled = await db
    .selectFrom('ledger.job_calls')
    .select('id')
    .where('root_id', '=', call.root_id)
    .where('status', '=', 'running')
    .where('cancel_requested_at', 'is not', null)
    .execute()
  const ids = new Set(cancelled.map(({ id }) => id))
  const orphans = (await listOrphans(db)).filter(({ id }) => ids.has(id))
  // How many attempts there were does not matter: who is cancelled has none left.
  for (const orphan of orphans) await rescue(db, orphan, 1)
  return orphans.length
}

/** The account of the operating system: the ledger keeps who asked. */
function whoAsks(): string {
  try {
    return `${userInfo().username}@${hostname()}`
  } catch {
    // A container may run under a number that has no name.
    return `uid ${process.getuid?.() ?? '?'}@${hostname()}`
  }
}
