import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { cancelCall } from '../../jobs/operate.ts'
import { osAccount } from '../../os-account.ts'
import { isoTime, plural } from '../format.ts'

/** Cancels a call and all under it, and says how far that is. @throws Fault `params` where it is over already. */
export async function cancelAndTell(db: Db, call: JobCall): Promise<void> {
  const cancelled = await cancelCall(db, call, { who: osAccount(), door: 'cli' })
  const { ended, stopping, analyses } = cancelled
  const which = `${call.job} ${call.id}`
  if (analyses > 0) process.stdout.write(`${plural(analyses, 'analysis', 'analyses')} given up\n`)
  if (call.cancel_requested_at !== null && call.finished_at === null && ended === 0)
    process.stdout.write(
      `${which}: ${call.cancel_requested_by} asked for that already, at ${isoTime(call.cancel_requested_at)}\n`,
    )
  else if (ended + stopping > 0)
    process.stdout.write(`${which}: ${plural(ended, 'call')} cancelled, ${stopping} stopping\n`)
  if (stopping > 0)
    process.stdout.write(
      `their workers end them within seconds: npm run ledger -- show ${call.id}\n`,
    )
}
