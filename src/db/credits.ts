import { sql, type Transaction } from 'kysely'
import { Fault } from '../errors.ts'
import type { Db } from './connect.ts'
import type { JobCall } from './job-calls.ts'
import type { DB } from './schema.generated.ts'

/** Credits that a request may cost, counted as in doubt since before it was sent. */
export interface Intent {
  credits: number
  /** Of which month, as the database writes a date. */
  month: string
}

export interface CreditAccount {
  service: string
  account: string
  /** Per calendar month, UTC. Undefined: no limit. */
  budget: number | undefined
}

type Holder = Pick<JobCall, 'id' | 'lease_token'>

/**
 * Sets credits aside for a request that is about to be sent, as many as wanted or as the month's budget still holds, and
 * commits that: whoever dies with the request leaves them in doubt. Answers 0 credits where nothing is left.
 * @throws Fault `lease_lost`
 */
export async function setAside(
  db: Db,
  holder: Holder,
  serviceCallId: string,
  { service, account, budget }: CreditAccount,
  wanted: number,
): Promise<Intent> {
  return await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    const { rows } = await sql<{ month: string; left: number | null }>`
      insert into ledger.credit_months as m (service, account, month, budget)
      values (${service}, ${account}, date_trunc('month', clock_timestamp() at time zone 'UTC')::date, ${budget ?? null})
      on conflict (service, account, month) do update set budget = excluded.budget
      returning month::text, budget - spent - in_doubt as left`.execute(trx)
    const { month = '', left = null } = rows[0] ?? {}
    const credits = Math.max(0, Math.min(wanted, left ?? wanted))
    const intent = { credits, month }
    if (credits > 0) await count(trx, holder, serviceCallId, { service, account }, intent, credits)
    return intent
  })
}

/** The request was not sent, or surely not carried out: nothing is in doubt. */
export async function putBack(
  db: Db,
  holder: Holder,
  serviceCallId: string,
  account: Omit<CreditAccount, 'budget'>,
  intent: Intent,
): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await fence(trx, holder)
    await count(trx, holder, serviceCallId, account, intent, -intent.credits)
  })
}

/** The answer came, and told what it cost; to be called in the transaction that keeps the answer, whose cursor counts it too. */
export async function settleCredits(
  trx: Transaction<DB>,
  { service, account }: Omit<CreditAccount, 'budget'>,
  intent: Intent,
  spent: number,
): Promise<void> {
  await sql`
    update ledger.credit_months set spent = spent + ${spent}, in_doubt = greatest(0, in_doubt - ${intent.credits})
    where service = ${service} and account = ${account} and month = ${intent.month}::date`.execute(
    trx,
  )
}

async function fence(trx: Transaction<DB>, { id, lease_token }: Holder): Promise<void> {
  const { rows } = await sql`
    select from ledger.job_calls where id = ${id} and lease_token = ${lease_token} for share`.execute(
    trx,
  )
  if (rows.length === 0) throw new Fault('lease_lost', `another attempt holds job call ${id} now`)
}

async function count(
  trx: Transaction<DB>,
  holder: Holder,
  serviceCallId: string,
  { service, account }: Omit<CreditAccount, 'budget'>,
  { month }: Intent,
  credits: number,
): Promise<void> {
  await sql`
    update ledger.credit_months set in_doubt = greatest(0, in_doubt + ${credits})
    where service = ${service} and account = ${account} and month = ${month}::date`.execute(trx)
  await sql`
    update ledger.service_calls set credits_in_doubt = greatest(0, credits_in_doubt + ${credits})
    where job_call_id = ${holder.id} and id = ${serviceCallId}`.execute(trx)
}
