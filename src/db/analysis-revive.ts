import { type RawBuilder, sql, type Transaction } from 'kysely'
import type { DB } from './schema.generated.ts'

/**
 * Takes cancelled tasks up again: `which` selects their `content_key`, `service`, `content`, and the `job_call_id` and `root_call_id`
 * that they are of now. What is still out with its batch is waited for, the rest is handed over again.
 */
export async function reviveTasks(trx: Transaction<DB>, which: RawBuilder<unknown>): Promise<void> {
  await sql`
    with wanted as materialized (${which}), tasks as materialized (
      select t.content_key, t.service, t.batch_id from ledger.analysis_tasks t join wanted using (content_key, service)
      where t.status = 'cancelled' order by t.content_key, t.service for update of t
    ), batches as materialized (
      -- Locked, so that nobody closes them as wanted by nobody meanwhile.
      select id, status from ledger.analysis_batches
      where id in (select batch_id from tasks) and finished_at is null order by id for update
    )
    update ledger.analysis_tasks t set status = case when b.status = 'out' then 'submitted' else 'waiting' end, batch_id = b.id,
      fresh_address = case when b.id is not null then t.fresh_address end, content = w.content, finished_at = null, error = null,
      due_at = clock_timestamp(), job_call_id = w.job_call_id, root_call_id = w.root_call_id
    from tasks k join wanted w using (content_key, service) left join batches b on b.id = k.batch_id
    where t.content_key = k.content_key and t.service = k.service`.execute(trx)
}

/** Those that a call and all under it brought, where they were cancelled with it. */
export async function reviveTasksOf(trx: Transaction<DB>, callId: string): Promise<void> {
  await reviveTasks(
    trx,
    sql`
      with recursive tree as (
        select id, root_id from ledger.job_calls where id = ${callId}
        union all select c.id, c.root_id from ledger.job_calls c join tree t on c.parent_id = t.id
      )
      select a.content_key, a.service, a.content, a.job_call_id, a.root_call_id
      from tree t join ledger.analysis_tasks a on a.root_call_id = t.root_id and a.job_call_id = t.id and a.status = 'cancelled'`,
  )
}
