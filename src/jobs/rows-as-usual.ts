import { sql } from 'kysely'
import type { Check } from './check.ts'

/** For jobs that read in streams of their own call, and about as much each day. Days are counted back from the call's end. */
export const rowsAsUsual: Check = {
  name: 'rows-as-usual',
  title: "rows read today are at least half of the last seven days' median",
  sql: ({ id }) => sql`
    with days as (
      select floor(extract(epoch from me.finished_at - c.finished_at) / 86400)::int as ago, coalesce(sum(s.rows_read), 0) as rows
      from ledger.job_calls me
      join ledger.job_calls c on c.job = me.job and c.subject = me.subject and c.parent_id is null
        and c.finished_at <= me.finished_at and c.finished_at > me.finished_at - interval '8 days'
        -- A call may have been resumed days after it was made.
        and c.id >= ledger.uuid_v7_floor(me.finished_at - interval '15 days')
      left join ledger.service_calls s on s.job_call_id = c.id
      where me.id = ${id}
      group by ago
    ), usual as (
      select count(*) as days, percentile_cont(0.5) within group (order by rows) as median from days where ago between 1 and 7
    )
    select case when usual.days >= 3 then today.rows * 2 >= usual.median end as holds,
      case when usual.days >= 3 then format('%s rows; the median is %s', today.rows, usual.median)
        else format('%s rows; there are %s days before it, and three are needed', today.rows, usual.days) end as found
    from days today, usual where today.ago = 0`,
}
