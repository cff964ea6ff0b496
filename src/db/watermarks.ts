import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'
import type { Service } from './service-calls.ts'

export interface WatermarkKey {
  job: string
  service: Service
  operation: string
  subject: string
}

export async function getWatermark(db: Db, key: WatermarkKey): Promise<Date | undefined> {
  const row = await db
    .selectFrom('ledger.watermarks')
    .select('value')
    .where('job', '=', key.job)
    .where('service', '=', key.service)
    .where('operation', '=', key.operation)
    .where('subject', '=', key.subject)
    .executeTakeFirst()
  return row?.value
}

/** Moves a watermark, never backwards; in the transaction that marks its stream done. */
export async function moveWatermark(
  trx: Transaction<DB>,
  key: WatermarkKey,
  value: Date,
  jobCallId: string,
): Promise<void> {
  await sql`
    insert into ledger.watermarks as w (job, service, operation, subject, value, job_call_id)
    values (${key.job}, ${key.service}, ${key.operation}, ${key.subject}, ${value}, ${jobCallId})
    on conflict (job, service, operation, subject) do update
    set value = excluded.value, job_call_id = excluded.job_call_id, updated_at = clock_timestamp()
    where w.value < excluded.value`.execute(trx)
}
