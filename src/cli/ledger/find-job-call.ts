import { sql } from 'kysely'
import type { Db } from '../../db/connect.ts'
import type { JobCall } from '../../db/job-calls.ts'
import { Fault } from '../../errors.ts'

/** Enough of an id for what a person types: shorter ones would name half the ledger. */
const shortest = 8

/**
 * The job call that an id names: a whole one, or its beginning where just one call begins so. The id of a
 * service call (rows in `public` and `raw` hold it) names the job call that it belongs to.
 * @throws Fault `params` where it is no id, names none, or several.
 */
export async function findJobCall(db: Db, text: string): Promise<JobCall> {
  const digits = text.trim().toLowerCase().replaceAll('-', '')
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < shortest || digits.length > 32)
    throw new Fault(
      'params',
      `an id was expected (or at least its first ${shortest} digits), not ${JSON.stringify(text.slice(0, 80))}`,
      {
        hint: lists,
      },
    )
  const low = toUuid(digits.padEnd(32, '0'))
  const high = toUuid(digits.padEnd(32, 'f'))
  const calls = await db
    .selectFrom('ledger.job_calls')
    .selectAll()
    .where('id', '>=', low)
    .where('id', '<=', high)
    .orderBy('id')
    .limit(6)
    .execute()
  const [call] = calls.length > 0 ? calls : await ownerOfServiceCall(db, low, high)
  if (!call) throw new Fault('params', `there is no job call ${text}`, { hint: lists })
  if (calls.length > 1) {
    const some = calls.slice(0, 5).map((one) => `${one.id} (${one.job})`)
    throw new Fault('params', `several job calls begin with ${text}`, {
      hint: `${some.join(', ')}${calls.length > 5 ? ', ...' : ''}`,
    })
  }
  return call
}

const lists = 'npm run ledger -- runs lists them'

const toUuid = (digits: string) =>
  digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')

async function ownerOfServiceCall(db: Db, low: string, high: string): Promise<JobCall[]> {
  if (low !== high) return []
  const { rows } = await sql<JobCall>`
    select c.* from ledger.job_calls c
    where c.id = (select job_call_id from ledger.service_calls where id = ${low})`.execute(db)
  return rows
}
