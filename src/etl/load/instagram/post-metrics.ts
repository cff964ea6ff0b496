import { type RawBuilder, sql } from 'kysely'
import { source } from './match.ts'

/** A row a day, where a figure of the posts in `merged` is another than in the newest row; insights are carried along. */
export const upsertPostMetrics: RawBuilder<unknown> = sql`
  insert into public.post_metrics as m (source, post_external_id, day, like_count, comment_count, play_count, view_count,
    insights, service_call_id)
  select ${source}, n.id, n.day, n.like_count, n.comment_count, n.play_count, n.view_count, last.insights, n.service_call_id
  from merged n
  left join lateral (
    select * from public.post_metrics m where m.source = ${source} and m.post_external_id = n.id and m.day <= n.day
    order by m.day desc limit 1
  ) last on true
  where (last.like_count, last.comment_count, last.play_count, last.view_count)
    is distinct from (n.like_count, n.comment_count, n.play_count, n.view_count)
  order by n.id
  on conflict (source, post_external_id, day) do update set
    like_count = excluded.like_count, comment_count = excluded.comment_count, play_count = excluded.play_count,
    view_count = excluded.view_count, service_call_id = excluded.service_call_id`
