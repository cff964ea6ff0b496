import { type QueryExecutorProvider, sql } from 'kysely'
import { Fault } from '../../errors.ts'

export interface Shut {
  service: string
  account: string
  reason: string
  /** Which worker met it. */
  openedBy: string
}

export const blockedHint = (service: string) =>
  `settle it with the service, then: npm run ledger -- unblock ${service}`

/** @throws Fault `blocked`: whoever wants a slot while the breaker is open gets none. */
export function refuseWhileShut(service: string, reason: string): never {
  throw new Fault('blocked', `${service} is blocked: ${reason}`, {
    service,
    hint: blockedHint(service),
  })
}

/** Stops every call to an upstream account, in every process: taking a slot looks at this row first. */
export async function openBreaker(db: QueryExecutorProvider, shut: Shut): Promise<void> {
  await sql`
    insert into ledger.breakers (service, account, reason, opened_by)
    values (${shut.service}, ${shut.account}, ${shut.reason}, ${shut.openedBy})
    on conflict do nothing`.execute(db)
}

/** Lets a service be called again, and ends the pause its accounts may be in. Answers the accounts that were blocked. */
export async function unblock(db: QueryExecutorProvider, service: string): Promise<string[]> {
  const { rows } = await sql<{ account: string }>`
    with unblocked as (delete from ledger.breakers where service = ${service} returning account),
    rested as (
      update ledger.quotas set paused_at = null, paused_until = null
      where account in (select account from unblocked)
    ), opened as (
      update ledger.quota_windows set full_until = '-infinity'
      where account in (select account from unblocked)
    )
    select account from unblocked order by account`.execute(db)
  return rows.map((row) => row.account)
}
