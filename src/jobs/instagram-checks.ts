import { sql } from 'kysely'
import type { Check } from './check.ts'

export const instagramChecks: readonly Check[] = [
  {
    name: 'profiles-as-usual',
    title: "profiles read today are at least half of the last seven days' median",
    sql: ({ id }) => sql`
      with days as (
        select floor(extract(epoch from me.finished_at - c.finished_at) / 86400)::int as ago,
          sum(coalesce((c.result ->> 'profiles')::int, 0) - coalesce((c.result ->> 'failed')::int, 0)
            - coalesce((c.result ->> 'cancelled')::int, 0)) as profiles
        from ledger.job_calls me
        join ledger.job_calls c on c.job = me.job and c.subject = me.subject and c.parent_id is null
          and c.finished_at <= me.finished_at and c.finished_at > me.finished_at - interval '8 days'
          and c.id >= ledger.uuid_v7_floor(me.finished_at - interval '15 days')
        where me.id = ${id}
        group by ago
      ), usual as (
        select count(*) as days, percentile_cont(0.5) within group (order by profiles) as median from days where ago between 1 and 7
      )
      select case when usual.days >= 3 then today.profiles * 2 >= usual.median end as holds,
        case when usual.days >= 3 then format('%s profiles; the median is %s', today.profiles, usual.median)
          else format('%s profiles; there are %s days before it, and three are needed', today.profiles, usual.days) end as found
      from days today, usual where today.ago = 0`,
  },
  {
    name: 'profiles-not-behind',
    title: 'tracked profiles that were not read for twice their time are at most 10 %',
    sql: () => sql`
      select case when profiles > 0 then behind <= profiles * 0.1 end as holds,
        format('%s of %s are behind', behind, profiles) as found
      from (
        select count(*) as profiles,
          count(*) filter (where r.read_at is null or r.read_at < clock_timestamp() - 2 * t.sync_every) as behind
        from tracked_profiles t
        left join ledger.subject_reads r
          on r.service = 'instagram' and r.operation = 'profile.synced' and r.subject = lower(t.username)
        where t.source = 'instagram' and not t.paused and t.gone_at is null
      ) counted`,
  },
  {
    name: 'profiles-not-gone',
    title: 'tracked profiles that went gone within a week are at most 10 %, or one',
    sql: () => sql`
      select case when profiles > 0 then gone <= greatest(profiles * 0.1, 1) end as holds,
        format('%s of %s went gone within a week', gone, profiles) || case when gone = profiles and gone > 0
          then ': is INSTAGRAM_BASE_URL the address of the API?' else '' end as found
      from (
        select count(*) as profiles, count(*) filter (where gone_at is not null) as gone from tracked_profiles
        where source = 'instagram' and not paused and (gone_at is null or gone_at > clock_timestamp() - interval '7 days')
      ) counted`,
  },
]
