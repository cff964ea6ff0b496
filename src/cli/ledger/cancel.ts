import type { Db } from '../../db/connect.ts'
import { cancelTree } from '../../db/cancel.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { Fault } from '../../errors.ts'
import { osAccount } from '../../os-account.ts'
import { isoTime, plural } from '../format.ts'

/** Cancels a call and all under it. @throws Fault `params` where it is over already. */
export async function cancelCall(db: Db, call: JobCall): Promise<void> {
  const { ended, stopping, analyses } = await cancelTree(db, call.id, osAccount())
  const which = `${call.job} ${call.id}`
  if (analyses > 0) process.stdout.write(`${plural(analyses, 'analysis', 'analyses')} given up\n`)
  if (call.cancel_requested_at !== null && call.finished_at === null && ended === 0)
    process.stdout.write(
      `${which}: ${call.cancel_requested_by} asked for that already, at ${isoTime(call.cancel_requested_at)}\n`,
    )
  else if (ended + stopping > 0)
    process.stdout.write(`${which}: ${plural(ended, 'call')} cancelled, ${stopping} stopping\n`)
  else if (analyses === 0) throw new Fault('params', `job call ${call.id} is over: ${call.status}`)
  if (stopping > 0)
    process.stdout.write(
      `their workers end them within seconds: npm run ledger -- show ${call.id}\n`,
    )
}
