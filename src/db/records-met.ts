import { sql, type Transaction } from 'kysely'
import type { Db } from './connect.ts'
import type { DB } from './schema.generated.ts'

/** Notes what a whole list has shown so far, so that what it did not show can be looked for when it is read. */
export async function noteMet(
  trx: Transaction<DB>,
  jobCallId: string,
  entity: string,
  ids: readonly string[],
): Promise<void> {
  if (ids.length === 0) return
  await sql`
    insert into ledger.records_met (job_call_id, entity, external_id)
    select ${jobCallId}, ${entity}, id from unnest(${ids}::text[]) as id order by id
    on conflict do nothing`.execute(trx)
}

export async function forgetMet(db: Db, jobCallId: string, entity: string): Promise<void> {
  await db
    .deleteFrom('ledger.records_met')
    .where('job_call_id', '=', jobCallId)
    .where('entity', '=', entity)
    .execute()
}

/** Whether a list has shown anything. */
export async function hasMet(
  trx: Transaction<DB>,
  jobCallId: string,
  entity: string,
): Promise<boolean> {
  const { rows } = await sql`
    select from ledger.records_met where job_call_id = ${jobCallId} and entity = ${entity} limit 1`.execute(
    trx,
  )
  return rows.length > 0
}
