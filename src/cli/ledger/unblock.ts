import type { Db } from '../../db/connect.ts'
import type { Service } from '../../db/service-calls.ts'
import { unblockService } from '../../jobs/operate.ts'
import { osAccount } from '../../os-account.ts'

export const services = [
  'amocrm',
  'apollo',
  'instagram',
  'vision',
  'text-ml',
  'minio',
] as const satisfies Service[]

/** Lets a service that shut us out be called again. */
export async function unblockAndTell(db: Db, service: Service): Promise<void> {
  const accounts = await unblockService(db, service, { who: osAccount(), door: 'cli' })
  process.stdout.write(
    accounts.length > 0
      ? `${service} may be called again: ${accounts.join(', ')}\ncalls that failed meanwhile: npm run ledger -- runs --status failed, then npm run ledger -- resume ID\n`
      : `${service} was not blocked\n`,
  )
}
